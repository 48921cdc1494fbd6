"""Reads a PNG (8 bits, RGBA, not interlaced) and prints how many colours cover a thousandth of it or more, and what
part of it, in percent, is dark. What is transparent counts as white."""
import collections
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
at, packed = 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at : at + 8])
    body = data[at + 8 : at + 8 + size]
    if kind == b"IHDR":
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        assert (depth, colour, interlaced) == (8, 6, 0)
    elif kind == b"IDAT":
        packed += body
    at += size + 12
raw, row, colours = zlib.decompress(packed), bytearray(4 * width), collections.Counter()
for y in range(height):
    kind, line = raw[y * (4 * width + 1)], bytearray(raw[y * (4 * width + 1) + 1 : (y + 1) * (4 * width + 1)])
    for x in range(4 * width):
        left, up, corner = (line[x - 4], row[x], row[x - 4]) if x >= 4 else (0, row[x], 0)
        if kind == 4:
            guess = left + up - corner
            near = min((abs(guess - v), i) for i, v in enumerate((left, up, corner)))
            line[x] = line[x] + (left, up, corner)[near[1]] & 255
        else:
            line[x] = line[x] + (0, left, up, (left + up) // 2)[kind] & 255
    row = line
    for x in range(width):
        red, green, blue, opaque = row[4 * x : 4 * x + 4]
        colours[(red, green, blue) if opaque else (255, 255, 255)] += 1
most = sum(1 for n in colours.values() if 1000 * n >= width * height)
dark = sum(n for c, n in colours.items() if sum(c) < 200)
print(most, 100 * dark // (width * height))
