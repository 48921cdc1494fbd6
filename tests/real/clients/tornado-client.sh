packages=python3-tornado
runtime=CPython
scenarios="post large chunked continue"
client() { run /usr/bin/python3 "$apps/client.py" tornado "$scenario" "$url/state" "$count"; }
