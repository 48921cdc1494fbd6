packages=busybox
runtime=C
scenarios="get post"
exchanges=4
cannot="writes by stdio, inside libc"
instead="nothing is needed: head and body fit in one write"
client() {
	set --
	[ "$scenario" = get ] || set -- --post-data "$(cat "$files/small")"
	for n in $(seq "$count"); do
		(run busybox wget -q -O "$work/answer" "$@" "$url/$n") || return
	done
}
