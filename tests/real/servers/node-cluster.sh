# node's own server in two workers of a cluster, which get their connections from the first process.
packages=nodejs
runtime=node
hold=kernel
scenarios="small large chunked HEAD 304 redirect events"
server() { run node "$apps/cluster.js" "$port"; }
