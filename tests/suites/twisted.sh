# Twisted's own tests of twisted.web and of TCP, run by trial on each of its reactors.
packages=python3-twisted
proof=/usr/lib/python3/dist-packages/twisted/web/test/test_http.py
witness=twisted.web.test.test_xmlrpc.XMLRPCTests.test_doubleEncodingError

parts() {
	echo twisted.web.test.
	echo twisted.internet.test.test_tcp.
	echo twisted.test.test_tcp.
}

whole() {
	under python3 "$suites/outcomes.py" "$1" trial \
		twisted.web.test twisted.internet.test.test_tcp twisted.test.test_tcp
}

alone() {
	under python3 "$suites/outcomes.py" "$1" trial "$2"
}
