# CPython's own tests of sockets, descriptors, processes and signals, run by regrtest. Debian 12 has Python 3.11.
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

# The AF_VSOCK tests are left out: they do not use TCP, and hang where no host answers.
regrtest() {
	out=$1
	shift
	under python3.11 "$suites/outcomes.py" "$out" regrtest -i '*VSOCK*' --timeout 300 --tempdir "$PWD" "$@"
}

# Runs one module after the other, so that what one leaves behind does not change the outcome of another.
whole() {
	# shellcheck disable=SC2086 # a list of names
	regrtest "$1" -j1 $modules
}

# setUpClass, which regrtest names "setUpClass (test.test_socket.X)", cannot be run by its name: its module is run.
alone() {
	module=${2#*test.}
	case $2 in
	*' '*) regrtest "$1" "${module%%.*}" ;;
	*) regrtest "$1" -m "$2" "${module%%.*}" ;;
	esac
}
