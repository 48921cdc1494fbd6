# php -S, without extensions, which PHP loads past every preload; a connection for each exchange.
packages=php-cli
runtime=PHP
scenarios="small large chunked HEAD 304 redirect events stream"
version() { php -n -r 'echo PHP_MAJOR_VERSION, ".", PHP_MINOR_VERSION, ".", PHP_RELEASE_VERSION;'; }
server() { run php -n -S "127.0.0.1:$port" "$apps/router.php"; }
