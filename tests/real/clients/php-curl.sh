packages="php-curl php-cli"
runtime=PHP
scenarios="post form"
mask='s/-\{24\}[0-9a-f]\{16\}/BOUNDARY/'
cannot="PHP loads its extensions with RTLD_DEEPBIND, past every preload"
instead="PHP's own streams"
version() { php -n -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION, ".", PHP_RELEASE_VERSION;'; }
client() { run php "$apps/post.php" curl "$scenario" "$url/state" "$count"; }
