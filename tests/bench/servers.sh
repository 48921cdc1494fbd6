# The programs that are measured: how each is started on the server's core, so that `pid` are its processes, `port` is
# where it listens, and `finish` ends it.
# shellcheck shell=sh disable=SC2154 # what run sets

# Where the server and the load are: in this name space on loopback, unless a section lays a cable.
server_net='' client_net='' host=127.0.0.1 listen=127.0.0.1

# launch VARIANT PROGRAM [ARGUMENT...]: in the background; pid
launch() {
	variant=$1
	shift
	case $variant in
		bare) set -- "$@" ;;
		nodelay) set -- LD_PRELOAD="$bench/nodelay.so" "$@" ;;
		header) set -- LD_PRELOAD="$library" ONEWRITE_JOIN=header "$@" ;;
		message) set -- LD_PRELOAD="$library" ONEWRITE_JOIN=message "$@" ;;
		kernel) set -- LD_PRELOAD="$library" ONEWRITE_JOIN=message ONEWRITE_HOLD=kernel "$@" ;;
		*) stop_here "no variant '$variant'" ;;
	esac
	: >"$dir/said"
	# shellcheck disable=SC2086 # a command and its arguments, or nothing
	taskset -c $server_core $server_net env "$@" >"$dir/said" 2>&1 </dev/null &
	pid=$!
	running="$running $pid"
}

# start VARIANT PROGRAM [ARGUMENT...]: one that says "port N"; pid, port
start() {
	launch "$@"
	await "$dir/said" '^port '
	port=$(sed -n 's/^port //p' "$dir/said")
}

serve() {
	variant=$1
	shift
	start "$variant" "$bench/server" "$@"
}

# finish PID...
finish() {
	for p in "$@"; do
		kill "$p" 2>/dev/null || :
		wait "$p" 2>/dev/null || :
		running=$(echo "$running" | sed "s/ $p\$//; s/ $p / /")
	done
}

# A port that was free a moment ago, for programs that cannot choose one.
free_port() {
	serve bare
	finish $pid
}

reachable() {
	left=100
	until client -a "$host" exchange "$port" 1 >"$dir/answer" 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || stop_here "nobody listens on port $port: $(cat "$dir/answer" "$dir/said")"
		sleep 0.05
	done
}

# --- in front of a server that splits ---------------------------------------------------------------------------------
# behind PROGRAM ARGUMENT...: the server with these arguments, and a proxy in front of it; pid: of both
behind() {
	program=$1
	shift
	free_port
	front=$port
	serve bare "$@"
	behind=$pid
	"in_front_$program" "$port"
	pid="$pid $behind" port=$front
	reachable
}

in_front_haproxy() {
	cat >"$dir/haproxy.cfg" <<END
global
	nbthread 1
defaults
	mode http
	timeout connect 5s
	timeout client 10s
	timeout server 10s
	http-reuse always
listen front
	bind $listen:$front
	server back 127.0.0.1:$1
END
	launch bare haproxy -db -f "$dir/haproxy.cfg"
}

in_front_nginx() {
	nginx_conf "upstream back { server 127.0.0.1:$1; keepalive 64; }" "$front" \
		'proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 32 8k;'
	launch bare nginx -p "$dir" -e stderr -c "$dir/nginx.conf"
}

# --- programs that write once -----------------------------------------------------------------------------------------
# nginx_conf UPSTREAM PORT WHAT
nginx_conf() {
	cat >"$dir/nginx.conf" <<END
daemon off; master_process off; pid $dir/nginx.pid; error_log stderr;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; default_type text/plain;
	client_body_temp_path $dir/temp; proxy_temp_path $dir/temp; fastcgi_temp_path $dir/temp;
	uwsgi_temp_path $dir/temp; scgi_temp_path $dir/temp;
	$1
	server { listen $listen:$2; location / { $3 } } }
END
}

with_nginx() {
	free_port
	nginx_conf '' "$port" "return 200 '$(printf '%0200d' 0)';"
	launch "$1" nginx -p "$dir" -e stderr -c "$dir/nginx.conf"
	reachable
}

node_server="require('http').createServer((q, s) => { s.setHeader('Content-Length', 200); s.end('x'.repeat(200)); })
	.listen(0, '127.0.0.1', function () { console.log('port ' + this.address().port); });"

with_node() {
	start "$1" node -e "$node_server"
}

# A directory with one file of 200 bytes. Not only root can read it: Apache serves as another user.
www() {
	mkdir -p "$dir/www"
	printf '%0200d' 0 >"$dir/www/index.html"
	chmod 755 "$dir" "$dir/www"
}

# One process of 64 threads, as many as there ever are, and none that ends: its CPU time would be lost to the account.
with_apache() {
	free_port
	www
	modules=/usr/lib/apache2/modules
	cat >"$dir/apache.conf" <<END
ServerRoot $dir
DefaultRuntimeDir $dir
PidFile $dir/apache.pid
ErrorLog $dir/apache.log
ServerName localhost
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
User www-data
Group www-data
Listen 127.0.0.1:$port
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxSpareThreads 64
KeepAliveTimeout 60
MaxKeepAliveRequests 0
DocumentRoot $dir/www
DirectoryIndex index.html
END
	rm -f "$dir/apache.pid"
	launch "$1" apache2 -DFOREGROUND -f "$dir/apache.conf"
	reachable
}

with_lighttpd() {
	free_port
	www
	cat >"$dir/lighttpd.conf" <<END
server.document-root = "$dir/www"
server.bind = "127.0.0.1"
server.port = $port
server.modules = ( "mod_indexfile", "mod_staticfile" )
server.compat-module-load = "disable"
server.max-keep-alive-requests = 65535
index-file.names = ( "index.html" )
END
	launch "$1" lighttpd -D -f "$dir/lighttpd.conf"
	reachable
}

# --- what they take ---------------------------------------------------------------------------------------------------
# family PID...: these and all that descend from them
family() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)//' | awk -v roots="$*" '
		{ parent[$1] = $3 }
		END {
			n = split(roots, root, " ")
			for (i = 1; i <= n; i++)
				member[root[i]] = 1
			do {
				grown = 0
				for (p in parent)
					if (!(p in member) && parent[p] in member)
						grown = member[p] = 1
			} while (grown)
			for (p in member)
				print p
		}'
}

# cpu_time PID...: nanoseconds of all threads so far, by the kernel's account
cpu_time() {
	for p in "$@"; do
		cat /proc/"$p"/task/*/schedstat
	done | awk '{ n += $1 } END { printf "%.0f", n }'
}

client() {
	# shellcheck disable=SC2086
	taskset -c $load_core $client_net "$bench/client" "$@"
}

# load PORT CONNECTIONS PID...: requests per second, microseconds of CPU time per response; what wrk said: $dir/wrk
load() {
	to=$1 connections=$2
	shift 2
	# shellcheck disable=SC2046 # a list of processes
	set -- $(family "$@")
	before=$(cpu_time "$@")
	# shellcheck disable=SC2086
	timeout $((seconds + 30)) taskset -c $load_core $client_net \
		wrk --latency -t1 -c"$connections" -d${seconds}s "http://$host:$to/" >"$dir/wrk" 2>&1 ||
		stop_here "wrk: $(cat "$dir/wrk")"
	awk -v ns=$(($(cpu_time "$@") - before)) '/ requests in / { n = $1 } /^Requests\/sec:/ { rate = $2 }
		/Non-2xx/ { exit 1 }
		END { if (!n) exit 1; printf "%s\t%.3f", rate, ns / n / 1000 }' "$dir/wrk" ||
		stop_here "not one answer, or wrong ones: $(cat "$dir/wrk")"
}
