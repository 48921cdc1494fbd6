# libevent's evhttp in a small program. HEAD is left out, because evhttp answers it with a body.
packages="libevent-dev gcc libc6-dev"
runtime=C
scenarios="small large chunked 304 redirect continue stream"
server() { c_program evhttp -levent && run "$work/evhttp" "$port"; }
