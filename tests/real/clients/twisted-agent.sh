packages=python3-twisted
runtime=CPython
scenarios="post large"
client() { run /usr/bin/python3 "$apps/client.py" twisted "$scenario" "$url/state" "$count"; }
