"""The bodies and pauses that the Python servers of these tests answer with."""
SMALL = b'{"name": "small", "pad": "' + b"x" * 172 + b'"}'
LARGE = b"".join(b"line %06d of a body of 200 KB\n" % n for n in range(6500))[:200000]
PIECES = [b"piece %d of a body that comes in pieces, fifty bytes\n" % n for n in range(3)]
PAUSE = 0.1  # between the pieces of a stream
TOKENS = 6
TOKEN_PAUSE = 0.02  # before each word of a stream of words
TEXT = b"words that can be compressed, " * 40
