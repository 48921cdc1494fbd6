# busybox httpd writes the head, then the file by sendfile, in a forked child for each exchange that has the socket as
# its standard output.
packages=busybox
runtime=C
scenarios="small large redirect"
hold=kernel
why_large="sendfile ends a segment every 64 KB unless corked, and a socket that other processes have is not corked"
ask_static
server() { run busybox httpd -f -p "127.0.0.1:$port" -h "$files"; }
