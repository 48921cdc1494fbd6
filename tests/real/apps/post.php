<?php
// Sends requests. Arguments: streams or curl, the scenario, the URL, how many.
[, $library, $scenario, $url, $count] = $argv;
$body = str_repeat('x', $scenario === 'large' ? 200000 : 200);
$curl = $library === 'curl' ? curl_init() : null;
for ($n = 0; $n < (int)$count; $n++) {
	if ($library === 'curl') {
		curl_setopt_array($curl, [CURLOPT_URL => $url, CURLOPT_RETURNTRANSFER => true, CURLOPT_POSTFIELDS =>
			$scenario === 'form' ? ['file' => new CURLStringFile($body, 'small')] : $body]);
		$answer = curl_exec($curl);
	} else {
		$options = $scenario === 'get' ? [] : ['method' => 'POST', 'content' => $body,
			'header' => "Content-Type: text/plain\r\n"];
		$answer = file_get_contents($url, false, stream_context_create(['http' => $options]));
	}
	if ($answer === false)
		exit(1);
}
