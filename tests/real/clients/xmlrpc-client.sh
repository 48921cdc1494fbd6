packages=python3
runtime=CPython
scenarios="call"
client() { run /usr/bin/python3 "$apps/client.py" xmlrpc "$scenario" "$url/state" "$count"; }
