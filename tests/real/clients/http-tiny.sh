packages=perl
runtime=Perl
scenarios="get post large chunked"
# The order of the fields is that of a hash, and differs from run to run.
client() { PERL_HASH_SEED=0 run perl "$apps/client.pl" Tiny "$scenario" "$url/state" "$count"; }
