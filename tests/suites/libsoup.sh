# The installed tests of libsoup, GNOME's HTTP client and server. Many of the tests start an Apache as their server.
packages="libsoup-3.0-tests apache2"
proof=/usr/libexec/installed-tests/libsoup-3.0/auth-test
witness=forms-test/forms/md5/curl
patience=120 # seconds for each program

# These programs wait for half a minute and send hardly any HTTP/1.
left_out=' hsts-test http2-test http2-body-stream-test '

programs() {
	for program in "${proof%/*}"/*-test; do
		program=${program##*/}
		case $left_out in
		*" $program "*) ;;
		*) echo "$program" ;;
		esac
	done
}

parts() {
	programs | sed 's,$,/,'
}

# The programs write into their own directory, so each lane has a copy of it. In the copy the configuration of Apache
# does not ask for digest authentication without qop, which Apache no longer supports.
copy() {
	[ ! -e copy ] || return 0
	cp -R "${proof%/*}" copy
	sed -i '/AuthDigestQop none/d' copy/httpd.conf
}

# The tests' own server passes its address on under a lock on the stack of the asking thread. One time in ten the asking
# thread goes on before the lock is taken, and the server hangs. On one processor with the batch policy it does not, for
# a thread that wakes up waits until the other one gives up the processor.
by_turns() {
	under taskset -c "$(taskset -cp $$ | sed 's/.*[:,-] *//')" chrt --batch 0 "$@"
}

# run_program OUT PROGRAM ARGUMENT...: the program prints TAP ("ok 3 /connection/max-conns", "ok 4 /x # SKIP why"). How
# the program itself ends is an outcome as well. An Apache that the program left running is killed.
run_program() {
	out=$1 program=$2 status=0
	shift 2
	(cd copy && by_turns "./$program" --tap "$@") >said || status=$?
	cat said
	[ ! -s copy/httpd.pid ] || kill "$(cat copy/httpd.pid)" || true
	awk -v program="$program" -v status=$status '
		/^(not )?ok [0-9]/ {
			outcome = / # SKIP/ ? "skipped" : /^not/ ? "failure" : "passed"
			sub(/^(not )?ok [0-9]+ /, "")
			sub(/ #.*/, "")
			print program $0 "\t" outcome
		}
		END { print program "/\t" (status < 124 ? "ended" : status == 124 ? "hung" : "crashed") }' said >>"$out"
}

whole() {
	copy
	for program in $(programs); do
		run_program "$1" "$program"
	done
}

alone() {
	copy
	case $2 in
	*/) run_program "$1" "${2%/}" ;;
	*) run_program "$1" "${2%%/*}" -p "/${2#*/}" ;;
	esac
}
