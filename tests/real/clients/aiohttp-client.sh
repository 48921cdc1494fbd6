packages=python3-aiohttp
client() { run /usr/bin/python3 "$apps/post_aiohttp.py" "$url/state" "$exchanges"; }
