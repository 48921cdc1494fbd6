# flushed: the head first, with flushHeaders, and the body in the next turn of the loop.
packages=nodejs
runtime=node
scenarios="get post large chunked flushed"
client() { run node "$apps/client.js" http "$scenario" "$url/state" "$count"; }
