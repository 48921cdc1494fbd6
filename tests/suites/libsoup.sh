# The installed tests of libsoup, GNOME's HTTP client and server, many of them against an Apache that they start.
packages="libsoup-3.0-tests apache2"
proof=/usr/libexec/installed-tests/libsoup-3.0/auth-test
witness=forms-test/forms/md5/curl
patience=120 # each program's

# These wait for half a minute and send hardly a byte of HTTP/1.
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

# They write beside themselves, so each lane has a copy; and in that, Apache is not asked for what it does no longer:
# digest authentication without qop.
copy() {
	[ ! -e copy ] || return 0
	cp -R "${proof%/*}" copy
	sed -i '/AuthDigestQop none/d' copy/httpd.conf
}

# The tests' own server tells its address under a lock on the asker's stack, and where the asker goes on before the lock
# is taken it hangs: one time in ten. It does not on one processor, where a thread that wakes up waits for its turn.
by_turns() {
	under taskset -c "$(taskset -cp $$ | sed 's/.*[:,-] *//')" chrt --batch 0 "$@"
}

# run_program OUT PROGRAM ARGUMENT...: what it says is TAP ("ok 3 /connection/max-conns", "ok 4 /x # SKIP why"). How the
# program itself ends is an outcome, too. An Apache that it left behind does not outlive it.
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
