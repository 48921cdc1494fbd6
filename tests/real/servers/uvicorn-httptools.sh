packages="python3-uvicorn python3-httptools python3-uvloop"
runtime="CPython, libuv"
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() {
	cd "$apps" &&
		run /usr/bin/python3 -m uvicorn --http httptools --loop uvloop --port "$port" \
			--log-level warning asgi:application
}
