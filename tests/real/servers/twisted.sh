packages=python3-twisted
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue"
server() { run /usr/bin/python3 "$apps/wsgi.py" twisted "$port" "$files/small"; }
