packages=python3-aiohttp
server() { run /usr/bin/python3 "$apps/aiohttp_server.py" "$port"; }
