# node's fetch opens a second connection beside the one that it keeps, so its server must have room for both.
packages="nodejs python3-aiohttp"
runtime=node
scenarios="get post large chunked"
relay=yes
far_end() { answer_all "$far_port"; }
client() { run node "$apps/client.js" fetch "$scenario" "$url/small" "$count"; }
