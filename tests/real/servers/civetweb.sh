packages=civetweb
runtime=C
scenarios="small large HEAD 304 redirect"
ask_static
server() { run civetweb -listening_ports "127.0.0.1:$port" -document_root "$files" -enable_keep_alive yes; }
