# libmicrohttpd's epoll loop in a small program; files are sent by sendfile.
packages="libmicrohttpd-dev gcc libc6-dev"
runtime=C
scenarios="small large chunked file HEAD 304 redirect continue stream"
server() { c_program microhttpd -lmicrohttpd && run "$work/microhttpd" "$port" "$files/small"; }
