packages=python3
runtime=CPython
scenarios="get post large chunked"
client() { run /usr/bin/python3 "$apps/post_http_client.py" "$port" "$count" "$scenario"; }
