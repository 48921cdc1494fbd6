"""An ASGI application."""
import asyncio

SMALL = b'{"name": "small", "pad": "' + b"x" * 172 + b'"}'
ANSWERS = {
    "/empty": (204, {}, b""),
    "/fresh": (304, {"etag": '"1"'}, b""),
    "/moved": (302, {"location": "/small", "content-length": "0"}, b""),
}


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    while (await receive()).get("more_body"):
        pass
    small = (200, {"content-type": "application/json", "content-length": str(len(SMALL))}, SMALL)
    status, fields, body = ANSWERS.get(scope["path"], small)
    if scope["path"] == "/events":
        status, fields, body = 200, {"content-type": "text/event-stream"}, b""
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["path"] == "/events":
        for n in range(2):
            await send({"type": "http.response.body", "body": b"data: %d\n\n" % n, "more_body": True})
            await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
