"""A handler of http.server as tutorials write it. Argument: the port."""
import http.server
import sys
import time

from answers import LARGE, PAUSE, PIECES, SMALL


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def head(self, status, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def chunks(self, pause):
        self.head(200, Content_Type="text/plain", Transfer_Encoding="chunked")
        for piece in PIECES:
            self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            self.wfile.write(b"\r\n")
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        if self.path == "/empty":
            self.head(204)
        elif self.path == "/fresh":
            self.head(304, ETag='"1"')
        elif self.path == "/moved":
            self.head(302, Location="/small", Content_Length="0")
        elif self.path == "/chunked":
            self.chunks(0)
        elif self.path == "/stream":
            self.chunks(PAUSE)
        elif self.path == "/events":
            self.head(200, Content_Type="text/event-stream", Connection="close")
            for n in range(2):
                self.wfile.write(b"data: %d\n\n" % n)
                time.sleep(PAUSE)
        else:
            body = LARGE if self.path == "/large" else SMALL
            self.head(200, Content_Type="application/json", Content_Length=str(len(body)))
            if self.command != "HEAD":
                self.wfile.write(body)

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
