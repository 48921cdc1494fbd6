packages=python3-werkzeug
runtime=CPython
scenarios="small large chunked HEAD 304 redirect continue events stream"
why_continue="sends 100 Continue twice, and neither waits"
server() { run /usr/bin/python3 "$apps/wsgi.py" werkzeug "$port" "$files/small"; }
