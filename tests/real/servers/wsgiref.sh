# wsgiref writes the head in four sends and then the body, on a connection for each exchange.
packages=python3
runtime=CPython
scenarios="small large chunked file HEAD 304 redirect events stream"
server() { run /usr/bin/python3 "$apps/wsgi.py" wsgiref "$port" "$files/small"; }
