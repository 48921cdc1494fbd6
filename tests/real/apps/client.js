// Sends requests on one kept-alive connection. Arguments: http or fetch, the scenario, the URL, how many.
'use strict';
const http = require('http');
const [library, scenario, url] = process.argv.slice(2, 5);
const count = Number(process.argv[5]);
const body = 'x'.repeat(scenario === 'large' ? 200000 : 200);
const pieces = [0, 1, 2].map((n) => `piece ${n} of a body that comes in pieces, fifty bytes\n`);
const agent = new http.Agent({ keepAlive: true });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function send() {
	return new Promise((resolve, reject) => {
		const method = scenario === 'get' ? 'GET' : 'POST';
		const request = http.request(url, { method, agent }, (response) => {
			// The agent reuses the connection once this request is written and answered, in either order.
			response.resume().on('end', () =>
				request.writableFinished ? resolve() : request.on('finish', resolve));
		});
		request.on('error', reject);
		write(request).catch(reject);
	});
}

async function write(request) {
	switch (scenario) {
	case 'get':
		return request.end();
	case 'chunked':
		for (const piece of pieces) {
			request.write(piece);
			await turn();
		}
		return request.end();
	case 'flushed':
		request.setHeader('Content-Length', body.length);
		request.flushHeaders();
		await turn();
		return request.end(body);
	default:
		return request.end(body);
	}
}

async function send_fetch() {
	const stream = () => new ReadableStream({
		async start(controller) {
			for (const piece of pieces) {
				controller.enqueue(new TextEncoder().encode(piece));
				await turn();
			}
			controller.close();
		},
	});
	const options = scenario === 'get' ? {} : { method: 'POST', body: scenario === 'chunked' ? stream() : body,
		duplex: 'half' };
	await (await fetch(url, options)).text();
}

(async () => {
	for (let n = 0; n < count; n++)
		await (library === 'http' ? send().then(turn) : send_fetch());
	process.exit(0);
})();
