# HTTP::Daemon with a process for each connection.
packages=libhttp-daemon-perl
runtime=Perl
hold=kernel
why_large="a socket that other processes have is not corked, so an acknowledgement lets a short segment go now and then"
scenarios="small large chunked file HEAD 304 redirect"
server() { run perl "$apps/http_daemon.pl" "$port" "$files/small" fork; }
