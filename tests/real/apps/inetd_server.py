# A server that inetd or socat starts: it reads requests from standard input and answers on standard output. Head and
# body of an answer are two writes.
import os

SMALL = b'{"name": "small", "pad": "' + b"x" * 172 + b'"}'

while True:
    request = b""
    while b"\r\n\r\n" not in request:
        more = os.read(0, 65536)
        if not more:
            os._exit(0)
        request += more
    os.write(1, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(SMALL))
    if not request.startswith(b"HEAD"):
        os.write(1, SMALL)
