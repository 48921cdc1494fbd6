packages=python3-gevent
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() { run /usr/bin/python3 "$apps/wsgi.py" gevent "$port" "$files/small"; }
