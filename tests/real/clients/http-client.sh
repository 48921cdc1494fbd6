packages=python3
client() { run /usr/bin/python3 "$apps/post_http_client.py" "$port" "$exchanges"; }
