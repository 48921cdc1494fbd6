# mini-httpd, which has a process for each connection.
packages=mini-httpd
runtime=C
scenarios="small large HEAD 304 redirect"
ask_static
server() { run mini_httpd -D -u nobody -h 127.0.0.1 -p "$port" -d "$files"; }
