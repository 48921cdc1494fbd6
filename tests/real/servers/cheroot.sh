packages=python3-cheroot
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() { run /usr/bin/python3 "$apps/wsgi.py" cheroot "$port" "$files/small"; }
