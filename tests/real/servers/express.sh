packages="node-express nodejs"
runtime=node
scenarios="small json large file HEAD 304 redirect"
ask_json=/json
ask_304="--field $fresh_since /file"
ask_redirect=/moved
server() { NODE_PATH=/usr/share/nodejs run node "$apps/express_server.js" "$port" "$files/small"; }
