"""Relays between a client and a server where neither exchange nor responder can be the peer, and counts what passes.

relay.py WHICH PORT MSS DUMP UNIT: relays connections from a free port to PORT, with segments of at most MSS bytes. It
reports each message of one side, as responder does (WHICH is client) or as exchange does (WHICH is server), and writes
the message's bytes to DUMP. A message is what one side sends until the other one sends; if UNIT is connection, until it
closes. The relay ends when it is told to and its connections have ended."""
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import zlib

which, far_port, mss, dump = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), open(sys.argv[4], "wb")
by_connection = sys.argv[5] == "connection"
lock = threading.Lock()
count = 0


def prepare(end):
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)


def segments(end):
    """tcpi_data_segs_in"""
    return struct.unpack_from("I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 152)[0]


def decoded(head, wire):
    if b"\r\ntransfer-encoding: chunked\r\n" not in head.lower():
        return wire
    body, at = bytearray(), 0
    while at < len(wire):
        start = wire.index(b"\r\n", at) + 2
        end = start + int(wire[at:start], 16)
        body += wire[start:end]
        at = end + 2
    return body


class Message:
    def __init__(self, end, port):
        self.end, self.port, self.bytes, self.segments = end, port, bytearray(), 0
        self.asked = self.first = self.last = time.monotonic()

    def add(self, more):
        self.last = time.monotonic()
        if not self.bytes:
            self.first = self.last
        self.bytes += more

    def report(self):
        global count
        if self.bytes:
            came = segments(self.end)
            head, body = 0, self.bytes
            if self.bytes.startswith(b"HTTP/1.") or b" HTTP/1." in self.bytes.split(b"\r\n", 1)[0]:
                head = self.bytes.find(b"\r\n\r\n") + 4
                body = decoded(self.bytes[:head], self.bytes[head:])
            with lock:
                count += 1
                dump.write(self.bytes)
                dump.flush()
                print(f"{'request' if which == 'client' else 'exchange'} n={count} port={self.port} status=0 "
                      f"segments={came - self.segments} interim=0 head={head} wire={len(self.bytes) - head} "
                      f"body={len(body)} sum={zlib.crc32(body):08x} first_us={(self.first - self.asked) * 1e6:.0f} "
                      f"last_us={(self.last - self.asked) * 1e6:.0f}",
                      flush=True)
            self.segments = came
        self.bytes = bytearray()
        self.asked = time.monotonic()


def relay(near, near_port):
    far = socket.socket()
    prepare(far)
    far.connect(("127.0.0.1", far_port))
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    counted = near if which == "client" else far
    message = Message(counted, near_port if which == "client" else far.getsockname()[1])
    open_ends = selectors.DefaultSelector()
    open_ends.register(near, selectors.EVENT_READ, far)
    open_ends.register(far, selectors.EVENT_READ, near)
    while open_ends.get_map():
        for key, _ in open_ends.select():
            try:
                data = key.fileobj.recv(1 << 20)
            except ConnectionError:
                data = b""
            if not data:
                open_ends.unregister(key.fileobj)
            if not data if key.fileobj is counted else not by_connection:
                message.report()
            if key.fileobj is counted:
                message.add(data) if data else None
            elif not message.bytes:
                message.asked = time.monotonic()
            try:
                key.data.sendall(data) if data else key.data.shutdown(socket.SHUT_WR)
            except OSError:
                pass
    near.close()
    far.close()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
listener = socket.socket()
prepare(listener)
listener.bind(("127.0.0.1", 0))
listener.listen(16)
print(f"listening port={listener.getsockname()[1]}", flush=True)
while True:
    connection, address = listener.accept()
    threading.Thread(target=relay, args=(connection, address[1])).start()
