# node's own server; for /flushed it sends the head by flushHeaders(), and the body in the next turn of the loop.
packages=nodejs
runtime=node
scenarios="small large chunked flushed file HEAD 304 redirect continue events stream"
ask_flushed=/flushed
server() { run node "$apps/server.js" "$port"; }
