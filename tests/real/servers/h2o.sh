packages=h2o
runtime=C
scenarios="small large HEAD 304 redirect"
ask_static
server() {
	printf '%s\n' "listen: {host: 127.0.0.1, port: $port}" 'num-threads: 1' "error-log: $work/h2o.log" \
		'hosts: {default: {paths: {/: {file.dir: "'"$files"'"}}}}' >"$work/h2o.conf"
	[ "$(id -u)" != 0 ] || echo 'user: root' >>"$work/h2o.conf"
	run h2o -c "$work/h2o.conf"
}
