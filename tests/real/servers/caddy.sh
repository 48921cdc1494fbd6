# Caddy, a Go program: Go makes its system calls without libc.
packages=caddy
runtime=Go
scenarios="small large HEAD 304 redirect"
ask_static
cannot="Go makes its system calls itself, past every preload"
instead="nothing is needed: Go's net/http joins by itself"
server() {
	HOME=$work
	export HOME
	printf '{\n admin off\n}\nhttp://127.0.0.1:%s {\n root * %s\n file_server\n}\n' "$port" "$files" \
		>"$work/Caddyfile"
	run caddy run --config "$work/Caddyfile" --adapter caddyfile
}
