# node's http client; in the scenario `flushed` it sends the head by flushHeaders(), and the body in the next turn of
# the loop.
packages=nodejs
runtime=node
scenarios="get post large chunked flushed"
client() { run node "$apps/client.js" http "$scenario" "$url/state" "$count"; }
