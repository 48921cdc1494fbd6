packages=python3-websockets
runtime=CPython
mask='s/^Sec-WebSocket-Key: .*/KEY/'
scenarios="upgrade"
client() { run /usr/bin/python3 "$apps/client.py" websockets "$scenario" "$url/state" "$count"; }
