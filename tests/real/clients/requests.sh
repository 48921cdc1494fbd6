packages=python3-requests
client() { run /usr/bin/python3 "$apps/post_requests.py" "$url/state" "$exchanges"; }
