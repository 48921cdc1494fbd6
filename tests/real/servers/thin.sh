packages=thin
runtime=Ruby
scenarios="small large chunked file HEAD 304 redirect"
server() { FILE=$files/small run thin -e production -a 127.0.0.1 -p "$port" -R "$apps/config.ru" start; }
