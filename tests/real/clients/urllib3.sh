packages=python3-urllib3
runtime=CPython
scenarios="post large chunked"
client() { run /usr/bin/python3 "$apps/client.py" urllib3 "$scenario" "$url/state" "$count"; }
