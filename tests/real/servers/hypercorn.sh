packages=python3-hypercorn
runtime=CPython
scenarios="small large chunked HEAD 304 redirect events stream"
server() {
	cd "$apps" && run /usr/bin/python3 -m hypercorn -b "127.0.0.1:$port" --log-level warning asgi:application
}
