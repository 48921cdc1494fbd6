packages=python3-uvicorn
server() {
	cd "$apps" &&
		run /usr/bin/python3 -m uvicorn --http h11 --loop asyncio --port "$port" --log-level warning asgi:application
}
