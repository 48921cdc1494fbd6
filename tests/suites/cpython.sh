# CPython's own tests of sockets, descriptors, processes and signals, by regrtest. Python 3.11: that is Debian 12.
packages="python3.11 libpython3.11-testsuite"
proof=/usr/lib/python3.11/test/test_socket.py
witness=test.test_httpservers.SimpleHTTPServerTestCase.test_get

modules=${cpython_modules:-test_socket test_asyncio test_httplib test_httpservers test_urllib2_localnet test_wsgiref
	test_xmlrpc test_ftplib test_smtplib test_imaplib test_poplib test_selectors test_subprocess test_posix test_os
	test_signal test_logging}

parts() {
	for module in $modules; do
		echo "test.$module."
	done
}

# AF_VSOCK is left out: it is no TCP, and where nobody answers it waits for ever.
regrtest() {
	out=$1
	shift
	under python3.11 "$suites/outcomes.py" "$out" regrtest -i '*VSOCK*' --timeout 300 --tempdir "$PWD" "$@"
}

# One module by one, so that what one leaves behind does not decide about another.
whole() {
	# shellcheck disable=SC2086 # a list of names
	regrtest "$1" -j1 $modules
}

# setUpClass (test.test_socket.X) is not asked for by its name, but with its module.
alone() {
	module=${2#*test.}
	case $2 in
	*' '*) regrtest "$1" "${module%%.*}" ;;
	*) regrtest "$1" -m "$2" "${module%%.*}" ;;
	esac
}
