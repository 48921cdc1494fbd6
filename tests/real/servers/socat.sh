# socat as a relay that forks for each connection.
packages="socat python3-aiohttp"
runtime=C
varies=yes
why_large="a socket that other processes have is not corked, so an acknowledgement lets a short segment go now and then"
scenarios="small large chunked HEAD 204 304 redirect events stream tokens continue"
bodies="chunked events stream tokens"
behind=yes
server() { run socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "TCP:127.0.0.1:$backend"; }
