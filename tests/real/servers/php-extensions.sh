# php -S as Debian sets it up: PHP loads its extensions with RTLD_DEEPBIND, so no head is held in memory.
. "$real/servers/php.sh"
hold=kernel
server() { run php -S "127.0.0.1:$port" "$apps/router.php"; }
