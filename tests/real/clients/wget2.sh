packages=wget2
runtime=C
scenarios="get post"
client() {
	set --
	[ "$scenario" = get ] || set -- "--post-file=$files/small"
	for n in $(seq "$count"); do
		set -- "$@" "$url/state$n"
	done
	run wget2 -q -T 20 --tries=1 --max-threads=1 --tcp-fastopen=off --no-robots -O "$work/answer" "$@"
}
