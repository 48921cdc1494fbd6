# php -S with a connection for each exchange, and without extensions, which PHP would bind past every preload.
packages=php-cli
runtime=PHP
scenarios="small large chunked HEAD 304 redirect events stream"
version() { php -n -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION, ".", PHP_RELEASE_VERSION;'; }
server() { run php -n -S "127.0.0.1:$port" "$apps/router.php"; }
