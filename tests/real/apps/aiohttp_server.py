"""An aiohttp application. Argument: the port."""
import asyncio
import pathlib
import sys

from aiohttp import web

from answers import LARGE, PAUSE, PIECES, SMALL, TEXT, TOKEN_PAUSE, TOKENS


async def small(request):
    await request.read()
    return web.Response(body=SMALL, content_type="application/json")


async def json(_):
    return web.json_response({"name": "small", "pad": "x" * 172})


async def large(_):
    return web.Response(body=LARGE)


async def compressed(_):
    response = web.Response(body=TEXT, content_type="text/plain")
    response.enable_compression(web.ContentCoding.deflate)
    return response


async def empty(_):
    return web.Response(status=204)


async def fresh(_):
    return web.Response(status=304, headers={"ETag": '"1"'})


async def moved(_):
    return web.Response(status=302, headers={"Location": "/small", "Content-Length": "0"})


async def sized(request):
    """A StreamResponse that knows its size."""
    response = web.StreamResponse()
    response.content_length = sum(map(len, PIECES))
    await response.prepare(request)
    for piece in PIECES:
        await response.write(piece)
    await response.write_eof()
    return response


async def chunked(request, pause=0.0, compress=False):
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    if compress:
        response.enable_compression(web.ContentCoding.deflate)
    await response.prepare(request)
    for piece in PIECES:
        await response.write(piece)
        if pause:
            await asyncio.sleep(pause)
    await response.write_eof()
    return response


async def one_chunk(request):
    """The whole body is given to write_eof()."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write_eof(SMALL)
    return response


async def stream(request):
    return await chunked(request, PAUSE)


async def chunked_compressed(request):
    return await chunked(request, compress=True)


async def events(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for n in range(2):
        await response.write(b"data: %d\n\n" % n)
        await asyncio.sleep(PAUSE)
    return response


async def tokens(request):
    """The head is sent at once, and each word after a pause."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    for n in range(TOKENS):
        await asyncio.sleep(TOKEN_PAUSE)
        await response.write(b"word %d\n" % n)
    await response.write_eof()
    return response


async def file(_):
    return web.FileResponse(pathlib.Path(__file__).parent / "files" / "small")


async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


app = web.Application()
app.add_routes([web.get("/" + handler.__name__, handler) for handler in (
    small, json, large, compressed, empty, fresh, moved, sized, chunked, one_chunk, stream, chunked_compressed, events,
    tokens, file)])
app.add_routes([web.post("/small", small), web.get("/", echo)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
