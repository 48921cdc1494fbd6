// node's http server. Argument: the port.
'use strict';
const http = require('http');

const SMALL = Buffer.from('{"name": "small", "pad": "' + 'x'.repeat(172) + '"}');
const LARGE = Buffer.from('line of a body of 200 KB\n'.repeat(8000));

function inPieces(response, text, count, pause) {
	let n = 0;
	const next = () => {
		if (n === count)
			return response.end();
		response.write(text.replace('%d', n++));
		return pause ? setTimeout(next, pause) : setImmediate(next);
	};
	next();
}

function answer(request, response) {
	const piece = 'piece %d of a body that comes in pieces, fifty bytes\n';

	switch (request.url) {
	case '/fresh':
		response.writeHead(304, { ETag: '"1"' });
		return response.end();
	case '/moved':
		response.writeHead(302, { Location: '/small', 'Content-Length': 0 });
		return response.end();
	case '/flushed':
		response.setHeader('Content-Length', SMALL.length);
		response.flushHeaders();
		return setImmediate(() => response.end(SMALL));
	case '/chunked':
		return inPieces(response, piece, 3, 0);
	case '/stream':
		return inPieces(response, piece, 3, 100);
	case '/events':
		response.setHeader('Content-Type', 'text/event-stream');
		return inPieces(response, 'data: %d\n\n', 2, 100);
	case '/file':
		return require('fs').createReadStream(__dirname + '/files/small').pipe(response);
	default: {
		const body = request.url === '/large' ? LARGE : SMALL;
		response.setHeader('Content-Length', body.length);
		return response.end(body);
	}
	}
}

http.createServer((request, response) => {
	request.on('data', () => {}).on('end', () => answer(request, response));
}).listen(Number(process.argv[2]), '127.0.0.1');
