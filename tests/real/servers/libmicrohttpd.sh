# Its epoll loop, by a small program; a file leaves by sendfile.
packages="libmicrohttpd-dev gcc libc6-dev"
runtime=C
scenarios="small large chunked file HEAD 304 redirect continue stream"
server() { c_program microhttpd -lmicrohttpd && run "$work/microhttpd" "$port" "$files/small"; }
