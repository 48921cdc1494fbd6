packages=python3
runtime=CPython
scenarios="get post large chunked"
client() { run /usr/bin/python3 "$apps/client.py" urllib "$scenario" "$url/state" "$count"; }
