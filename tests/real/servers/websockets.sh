# The websockets library: the 101 is a head that no body follows.
packages=python3-websockets
runtime=CPython
scenarios=upgrade
server() { run /usr/bin/python3 "$apps/websockets_server.py" "$port"; }
