# python3 -m http.server serves a file, with head and body in two sends.
packages=python3
runtime=CPython
scenarios="small large HEAD 304 redirect"
ask_static
server() { run /usr/bin/python3 -m http.server -p HTTP/1.1 -b 127.0.0.1 -d "$files" "$port"; }
