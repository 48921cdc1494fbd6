# The head, then sendfile; a forked child for each exchange, which has the socket as its standard output.
packages=busybox
shape=untouched
reason="its socket was duplicated"
server() { run busybox httpd -f -p "127.0.0.1:$port" -h "$apps/files"; }
