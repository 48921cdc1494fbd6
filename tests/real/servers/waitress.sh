packages=python3-waitress
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() { run /usr/bin/python3 "$apps/wsgi.py" waitress "$port" "$files/small"; }
