# Tornado's own tests, of its HTTP server, clients, streams and WebSockets.
packages=python3-tornado
proof=/usr/lib/python3/dist-packages/tornado/test/web_test.py
witness=tornado.test.httpserver_test.StreamingChunkSizeTest.test_chunked_body

parts() {
	echo tornado.test.
}

whole() {
	under python3 "$suites/outcomes.py" "$1" tornado
}

alone() {
	under python3 "$suites/outcomes.py" "$1" tornado "$2"
}
