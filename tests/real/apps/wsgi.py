"""A WSGI application; run as a program (argument: the port) it is served by wsgiref."""
import sys
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

SMALL = b'{"name": "small", "pad": "' + b"x" * 172 + b'"}'


def events():
    for n in range(2):
        yield b"data: %d\n\n" % n
        time.sleep(0.1)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if path == "/empty":
        start_response("204 No Content", [])
        return []
    if path == "/fresh":
        start_response("304 Not Modified", [("ETag", '"1"')])
        return []
    if path == "/moved":
        start_response("302 Found", [("Location", "/small"), ("Content-Length", "0")])
        return []
    if path == "/events":
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return events()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(SMALL)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [SMALL]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application, handler_class=Quiet).serve_forever()
