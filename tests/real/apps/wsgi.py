"""A WSGI application. Run as a program, it is served by a library. Arguments: the server, the port."""
import importlib
import sys
import time

from answers import LARGE, PAUSE, PIECES, SMALL, TOKEN_PAUSE, TOKENS


def slowly(pieces):
    for piece in pieces:
        yield piece
        time.sleep(PAUSE)


def words():
    """The first word comes at once, so that the head is written; each other one comes after a pause."""
    for n in range(TOKENS):
        yield b"word %d\n" % n
        time.sleep(TOKEN_PAUSE)


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
        return slowly([b"data: %d\n\n" % n for n in range(2)])
    if path == "/tokens":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return words()
    if path in ("/chunked", "/stream"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter(PIECES) if path == "/chunked" else slowly(PIECES)
    body = LARGE if path == "/large" else SMALL
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    if path == "/file":
        return environ["wsgi.file_wrapper"](open(sys.argv[3], "rb"), 4096)
    return [body]


def serve_wsgiref(port):
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    make_server("127.0.0.1", port, application, handler_class=Quiet).serve_forever()


def serve_waitress(port):
    importlib.import_module("waitress").serve(application, host="127.0.0.1", port=port, _quiet=True)


def serve_werkzeug(port):
    importlib.import_module("werkzeug.serving").run_simple("127.0.0.1", port, application, threaded=True)


def serve_gevent(port):
    importlib.import_module("gevent.pywsgi").WSGIServer(("127.0.0.1", port), application, log=None).serve_forever()


def serve_eventlet(port):
    eventlet = importlib.import_module("eventlet")
    wsgi = importlib.import_module("eventlet.wsgi")
    wsgi.server(eventlet.listen(("127.0.0.1", port)), application, log_output=False)


def serve_cheroot(port):
    importlib.import_module("cheroot.wsgi").Server(("127.0.0.1", port), application).start()


def serve_twisted(port):
    from twisted.internet import reactor
    from twisted.web import server, wsgi

    reactor.listenTCP(port, server.Site(wsgi.WSGIResource(reactor, reactor.getThreadPool(), application)),
                      interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    globals()["serve_" + sys.argv[1]](int(sys.argv[2]))
