packages=apache2-utils
runtime="C, APR"
scenarios="get post"
client() {
	set --
	[ "$scenario" = get ] || set -- -p "$files/small"
	run ab -q -n "$count" -c 1 "$@" "$url/"
}
