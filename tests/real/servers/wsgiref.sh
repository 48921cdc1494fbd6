# The head in four sends, then the body; a connection for each exchange.
packages=python3
server() { run /usr/bin/python3 "$apps/wsgi.py" "$port"; }
