// node's http server in the workers of a cluster: the first process accepts connections and passes them on. A CONNECT
// opens a tunnel. Argument: the port.
'use strict';
const cluster = require('cluster');
const net = require('net');

if (cluster.isPrimary) {
	for (let n = 0; n < 2; n++)
		cluster.fork();
	process.on('SIGTERM', () => process.exit());
} else {
	require('http').Server.prototype.listen = ((listen) => function (...args) {
		this.on('connect', (request, client, head) => {
			const [host, port] = request.url.split(':');
			const server = net.connect(port, host, () => {
				client.write('HTTP/1.1 200 Connection established\r\n\r\n');
				server.write(head);
				server.pipe(client).pipe(server);
			});
			server.on('error', () => client.destroy());
			client.on('error', () => server.destroy());
		});
		return listen.apply(this, args);
	})(require('http').Server.prototype.listen);
	require('./server.js');
}
