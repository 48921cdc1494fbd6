# Cheroot's own tests, run by pytest. The TLS tests are left out: they take a minute, and the library does not look at
# their bytes.
packages="python3-cheroot python3-pytest-mock python3-jaraco.text python3-portend python3-requests-toolbelt
	python3-requests-unixsocket"
proof=/usr/lib/python3/dist-packages/cheroot/test/test_core.py
witness=cheroot/test/test_core.py::test_normal_request

installed=/usr/lib/python3/dist-packages

parts() {
	echo cheroot/test/
}

# pytest FILE TEST...: names of tests are relative to the directory of the packages; nothing is written there.
pytest() {
	out=$1
	shift
	under python3 "$suites/outcomes.py" "$out" pytest -p no:cacheprovider --rootdir "$installed" \
		-o faulthandler_timeout=300 -q "$@"
}

whole() {
	pytest "$1" "$installed/cheroot/test" --ignore "$installed/cheroot/test/test_ssl.py"
}

alone() {
	pytest "$1" "$installed/$2"
}
