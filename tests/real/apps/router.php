<?php
// For `php -S`: every path of these tests.
switch ($_SERVER['REQUEST_URI']) {
case '/empty':
	http_response_code(204);
	break;
case '/fresh':
	http_response_code(304);
	header('ETag: "1"');
	break;
case '/moved':
	header('Location: /small');
	header('Content-Length: 0');
	break;
case '/events':
	header('Content-Type: text/event-stream');
	for ($n = 0; $n < 2; $n++) {
		echo "data: $n\n\n";
		while (ob_get_level() > 0)
			ob_end_flush();
		flush();
		usleep(100000);
	}
	break;
default:
	header('Content-Type: application/json');
	header('Content-Length: 200');
	echo '{"name": "small", "pad": "' . str_repeat('x', 172) . '"}';
}
