packages=python3-tornado
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() { run /usr/bin/python3 "$apps/tornado_server.py" "$port"; }
