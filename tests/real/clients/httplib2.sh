packages=python3-httplib2
runtime=CPython
scenarios="post large"
client() { run /usr/bin/python3 "$apps/client.py" httplib2 "$scenario" "$url/state" "$count"; }
