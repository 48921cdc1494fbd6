<?php
// The router for `php -S`: it answers all paths of these tests.
function in_pieces(string $text, int $count, int $pause): void
{
	for ($n = 0; $n < $count; $n++) {
		echo str_replace('%d', (string)$n, $text);
		while (ob_get_level() > 0)
			ob_end_flush();
		flush();
		usleep($pause);
	}
}

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
	in_pieces("data: %d\n\n", 2, 100000);
	break;
case '/chunked':
	in_pieces("piece %d of a body that comes in pieces, fifty bytes\n", 3, 0);
	break;
case '/stream':
	in_pieces("piece %d of a body that comes in pieces, fifty bytes\n", 3, 100000);
	break;
case '/large':
	header('Content-Length: 200000');
	echo str_repeat("line of a body of 200 KB\n", 8000);
	break;
default:
	header('Content-Type: application/json');
	header('Content-Length: 200');
	echo '{"name": "small", "pad": "' . str_repeat('x', 172) . '"}';
}
