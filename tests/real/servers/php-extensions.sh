# php -S as Debian sets it up.
. "$real/servers/php.sh"
shape=untouched
reason="its extensions are loaded with RTLD_DEEPBIND"
server() { run php -S "127.0.0.1:$port" "$apps/router.php"; }
