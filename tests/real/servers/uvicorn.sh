packages=python3-uvicorn
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() {
	cd "$apps" &&
		run /usr/bin/python3 -m uvicorn --http h11 --loop asyncio --port "$port" \
			--log-level warning asgi:application
}
