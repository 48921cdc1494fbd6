packages=libmojolicious-perl
runtime=Perl
scenarios="get post large upgrade"
mask='s/^Sec-WebSocket-Key: .*/KEY/'
client() { run perl "$apps/client.pl" Mojo "$scenario" "$url/state" "$count"; }
