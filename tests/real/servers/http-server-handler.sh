# A http.server handler with a small JSON body.
packages=python3
server() { run /usr/bin/python3 "$apps/handler.py" "$port"; }
