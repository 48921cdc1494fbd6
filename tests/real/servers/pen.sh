# pen, a load balancer that passes bytes on as they come.
packages="pen python3-aiohttp"
runtime=C
varies=yes
scenarios="small large chunked HEAD 204 304 redirect events stream tokens continue"
bodies="chunked events stream tokens"
behind=yes
server() { run pen -f -r "127.0.0.1:$port" "127.0.0.1:$backend"; }
