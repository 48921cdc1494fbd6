packages=httpie
runtime=CPython
exchanges=3
scenarios="post chunked"
client() {
	set --
	[ "$scenario" != chunked ] || set -- --chunked
	for _ in $(seq "$count"); do
		(run http --ignore-stdin --timeout 20 "$@" POST "$url/state" on=true) || return
	done
}
