# The head, then sendfile; a forked child for each exchange, which has the socket as its standard output.
packages=busybox
runtime=C
scenarios="small large redirect"
hold=kernel
why_large="sendfile ends a segment every 64 KB unless corked, and a socket that other processes have is not corked"
ask_static
server() { run busybox httpd -f -p "127.0.0.1:$port" -h "$files"; }
