packages=python3-pycurl
runtime=CPython
scenarios="post large chunked"
client() { run /usr/bin/python3 "$apps/client.py" pycurl "$scenario" "$url/state" "$count"; }
