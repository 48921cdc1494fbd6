"""A printer for lp: ipp_server.py PORT. Answers as IPP (RFC 8011) requires for one printer, and discards its jobs."""
import http.server
import struct
import sys

PRINTER = "ipp://localhost/printers/printer"
OK = 0
JOB, PRINTER_ATTRIBUTES, END = 0x02, 0x04, 0x03
INTEGER, BOOLEAN, ENUM = 0x21, 0x22, 0x23
NAME, KEYWORD, URI, CHARSET, LANGUAGE, MIME = 0x42, 0x44, 0x45, 0x47, 0x48, 0x49


def attribute(tag, name, *values):
    """Encodes the values of one attribute; the second and later values have no name."""
    out = b""
    for i, value in enumerate(values):
        raw = struct.pack(">i", value) if tag in (INTEGER, ENUM) else b"\1" if tag == BOOLEAN else value.encode()
        key = b"" if i else name.encode()
        out += struct.pack(">BH", tag, len(key)) + key + struct.pack(">H", len(raw)) + raw
    return out


OPERATION = (b"\1" + attribute(CHARSET, "attributes-charset", "utf-8")
             + attribute(LANGUAGE, "attributes-natural-language", "en"))
THE_PRINTER = (bytes([PRINTER_ATTRIBUTES]) + attribute(NAME, "printer-name", "printer")
               + attribute(URI, "printer-uri-supported", PRINTER)
               + attribute(ENUM, "printer-state", 3) + attribute(ENUM, "printer-type", 4)
               + attribute(BOOLEAN, "printer-is-accepting-jobs", True)
               + attribute(ENUM, "operations-supported", 2, 4, 5, 6, 8, 9, 10, 11)
               + attribute(MIME, "document-format-supported", "application/octet-stream", "text/plain"))
THE_JOB = (bytes([JOB]) + attribute(INTEGER, "job-id", 7) + attribute(URI, "job-uri", PRINTER + "/7")
           + attribute(ENUM, "job-state", 3))
ANSWERS = {0x0002: THE_JOB, 0x0005: THE_JOB, 0x0006: THE_JOB,
           0x000B: THE_PRINTER, 0x4001: THE_PRINTER, 0x4002: THE_PRINTER}


class Printer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def chunks(self):
        while True:
            size = int(self.rfile.readline(), 16)
            yield self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            request = b"".join(self.chunks())
        else:
            request = self.rfile.read(int(self.headers["Content-Length"]))
        version, operation, number = struct.unpack_from(">HHI", request)
        answer = struct.pack(">HHI", version, OK, number) + OPERATION + ANSWERS.get(operation, b"") + bytes([END])
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: {len(answer)}\r\n\r\n"
        self.wfile.write(head.encode() + answer)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Printer).serve_forever()
