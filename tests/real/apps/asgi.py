"""An ASGI application."""
import asyncio

from answers import LARGE, PAUSE, PIECES, SMALL

ANSWERS = {
    "/empty": (204, {}, b""),
    "/fresh": (304, {"etag": '"1"'}, b""),
    "/moved": (302, {"location": "/small", "content-length": "0"}, b""),
    "/large": (200, {"content-length": str(len(LARGE))}, LARGE),
}
IN_PIECES = {
    "/events": ({"content-type": "text/event-stream"}, [b"data: %d\n\n" % n for n in range(2)], PAUSE),
    "/stream": ({"content-type": "text/plain"}, PIECES, PAUSE),
    "/chunked": ({"content-type": "text/plain"}, PIECES, 0),
}


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    while (await receive()).get("more_body"):
        pass
    small = (200, {"content-type": "application/json", "content-length": str(len(SMALL))}, SMALL)
    status, fields, body = ANSWERS.get(scope["path"], small)
    pieces, pause = [], 0
    if scope["path"] in IN_PIECES:
        fields, pieces, pause = IN_PIECES[scope["path"]]
        body = b""
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
