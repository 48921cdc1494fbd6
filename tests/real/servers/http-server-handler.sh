# A handler of http.server that makes small writes.
packages=python3
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
server() { run /usr/bin/python3 "$apps/handler.py" "$port"; }
