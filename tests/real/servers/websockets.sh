# The 101 is a head that no body follows.
packages=python3-websockets
shape=already
fields=$upgrade
server() { run /usr/bin/python3 "$apps/websockets_server.py" "$port"; }
