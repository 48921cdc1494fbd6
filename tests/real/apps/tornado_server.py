"""A Tornado application. Argument: the port."""
import asyncio
import sys

import tornado.web

from answers import LARGE, PAUSE, PIECES, SMALL


class Answer(tornado.web.RequestHandler):
    async def in_pieces(self, pieces, pause):
        for piece in pieces:
            self.write(piece)
            await self.flush()
            await asyncio.sleep(pause)

    async def get(self):
        path = self.request.path
        if path == "/empty":
            self.set_status(204)
        elif path == "/fresh":
            self.set_header("ETag", '"1"')
            self.set_status(304)
        elif path == "/moved":
            self.redirect("/small")
        elif path == "/events":
            self.set_header("Content-Type", "text/event-stream")
            await self.in_pieces([b"data: %d\n\n" % n for n in range(2)], PAUSE)
        elif path in ("/chunked", "/stream"):
            await self.in_pieces(PIECES, PAUSE if path == "/stream" else 0)
        else:
            self.finish(LARGE if path == "/large" else SMALL)

    head = post = get


async def main():
    tornado.web.Application([(".*", Answer)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
