packages=puma
runtime=Ruby
scenarios="small large chunked file HEAD 304 redirect continue events stream"
server() { FILE=$files/small run puma -q -e production -b "tcp://127.0.0.1:$port" "$apps/config.ru"; }
