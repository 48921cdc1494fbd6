packages="squid python3-aiohttp"
runtime=C++
varies=yes
scenarios="small large chunked HEAD 304 redirect continue events stream"
bodies=$scenarios
behind=yes
server() {
	printf '%s\n' "http_port 127.0.0.1:$port accel defaultsite=127.0.0.1" 'http_access allow all' 'cache deny all' \
		"cache_peer 127.0.0.1 parent $backend 0 no-query originserver" 'shutdown_lifetime 0 seconds' \
		"pid_filename $work/squid.pid" "cache_log $work/squid.log" 'access_log none' "coredump_dir $work" \
		'cache_mem 8 MB' 'pinger_enable off' 'netdb_filename none' >"$work/squid.conf"
	[ "$(id -u)" != 0 ] || chown proxy "$work"
	run squid -N -f "$work/squid.conf"
}
