// The soak's server in node: what soak.h says, in node's ways. Prints "listening port=N" and serves until it is ended.
// SIGUSR2 collects garbage (node --expose-gc), so that its memory can be compared.
'use strict';
const http = require('http');

const [AT_ONCE, IN_TWO, IN_LINES, CHUNKED, TO_CLOSE, FROM_FILE, LATE, CUT_SHORT, LET_GO] = Array(9).keys();
const SEEDS = 1 << 16, LARGEST = 1 << 19, TIMEOUT_MS = 5;
const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');
const ENDLESS = Buffer.alloc(SEEDS + LARGEST);

for (let at = 0; at < ENDLESS.length; at++)
	ENDLESS[at] = LETTERS[(at * 7 + Math.floor(at / 36) * 5 + Math.floor(at / 1296) * 11) % 36];

function sendInterim(response, n) {
	if (n % 2)
		response.writeProcessing();
	else
		response.writeEarlyHints({ link: '</soak>; rel=preload' });
}

// The body in pieces of up to `most` bytes, each when the one before is on its way.
function inPieces(response, body, most) {
	if (body.length === 0)
		return response.end();
	const n = 1 + body[0] * 31 % most;
	response.write(body.subarray(0, n), (error) => error || inPieces(response, body.subarray(n), most));
}

function writeBody(response, shape, body) {
	const socket = response.req.socket;

	switch (shape) {
	case IN_LINES:
		return inPieces(response, body, 5000);
	case CHUNKED:
		return inPieces(response, body, 3000);
	case FROM_FILE: // there is no sendfile in node
		response.flushHeaders();
		return setImmediate(inPieces, response, body, 32768);
	case IN_TWO:
	case TO_CLOSE:
		response.flushHeaders();
		return setImmediate(() => response.end(body));
	case LATE:
		response.flushHeaders();
		return setTimeout(() => response.end(body), TIMEOUT_MS / 2 + body[0] % TIMEOUT_MS);
	case CUT_SHORT:
		return response.write(body.subarray(0, body.length >> 1), () => socket.destroySoon());
	case LET_GO:
		response.flushHeaders();
		return setTimeout(() => socket.destroy(), TIMEOUT_MS);
	default:
		return response.end(body);
	}
}

function answer(request, response, shape, size, seed) {
	const head = ['Server', 'soak', 'X-Shape', String(shape)];

	if (shape === CHUNKED)
		head.push('Transfer-Encoding', 'chunked');
	else if (shape !== TO_CLOSE)
		head.push('Content-Length', String(size));
	else
		response.useChunkedEncodingByDefault = response.shouldKeepAlive = false;
	response.sendDate = false;
	response.strictContentLength = false;
	response.writeHead(200, head);
	if (request.method !== 'HEAD')
		return writeBody(response, shape, ENDLESS.subarray(seed, seed + size));
	if (shape === CUT_SHORT || shape === LET_GO)
		response.shouldKeepAlive = false;
	response.end();
}

function serve(request, response) {
	const [, shape, size, seed] = request.url.split('/').map(Number);
	let interims = Number(request.headers.interim || 0), at = seed, right = true;

	request.on('error', () => {});
	response.on('error', () => {});
	request.on('data', (piece) => {
		right = right && piece.equals(ENDLESS.subarray(at, at + piece.length));
		at += piece.length;
		if (at < seed + size && interims > 0 && !request.socket.destroyed)
			sendInterim(response, interims--);
	});
	const respond = () => {
		if (request.socket.destroyed)
			return; // the client has left
		while (interims > 0)
			sendInterim(response, interims--);
		if (request.method === 'POST')
			answer(request, response, right && at === seed + size ? IN_TWO : CUT_SHORT, 2, 0);
		else
			answer(request, response, shape, size, seed);
	};
	// node 18 and 20 put interim responses of a pipelined request behind its head if they do not wait for their
	// turn.
	request.on('end', () => response.socket ? respond() : response.once('socket', () => setImmediate(respond)));
}

const server = http.createServer(serve);
server.httpAllowHalfOpen = true;
server.on('clientError', (error, socket) => {
	if (String(error.code).startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE')
		console.error(`a request that no client of ours sent: ${error.code} ${error.reason}`);
	socket.destroy();
});
process.on('SIGUSR2', () => { global.gc(); setTimeout(global.gc, 200); });
server.listen(0, '127.0.0.1', () => console.log(`listening port=${server.address().port}`));
