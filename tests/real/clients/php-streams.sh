# PHP's file_get_contents, in PHP as Debian sets it up.
packages=php-cli
runtime=PHP
scenarios="get post large"
hold=kernel
version() { php -n -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION, ".", PHP_RELEASE_VERSION;'; }
client() { run php "$apps/post.php" streams "$scenario" "$url/state" "$count"; }
