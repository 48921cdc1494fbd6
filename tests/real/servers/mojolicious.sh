packages=libmojolicious-perl
runtime=Perl
scenarios="small large chunked file HEAD 304 redirect events stream"
ask_304="--field $fresh_since /file"
server() { FILE=$files/small run perl "$apps/mojolicious.pl" daemon -m production -l "http://127.0.0.1:$port"; }
