packages=webfs
runtime=C
scenarios="small large HEAD 304 redirect"
ask_static
server() { run webfsd -F -p "$port" -i 127.0.0.1 -r "$files"; }
