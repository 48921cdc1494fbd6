packages=libwww-perl
runtime=Perl
scenarios="get post large chunked"
client() { run perl "$apps/client.pl" LWP "$scenario" "$url/state" "$count"; }
