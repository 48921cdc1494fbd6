"""An aiohttp application. Argument: the port."""
import asyncio
import pathlib
import sys

from aiohttp import web

SMALL = b'{"name": "small", "pad": "' + b"x" * 172 + b'"}'


async def small(request):
    await request.read()
    return web.Response(body=SMALL, content_type="application/json")


async def empty(_):
    return web.Response(status=204)


async def fresh(_):
    return web.Response(status=304, headers={"ETag": '"1"'})


async def moved(_):
    return web.Response(status=302, headers={"Location": "/small", "Content-Length": "0"})


async def events(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for n in range(2):
        await response.write(b"data: %d\n\n" % n)
        await asyncio.sleep(0.1)
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
app.add_routes([
    web.get("/small", small), web.post("/small", small), web.get("/file", file), web.get("/empty", empty),
    web.get("/fresh", fresh), web.get("/moved", moved), web.get("/events", events), web.get("/", echo)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
