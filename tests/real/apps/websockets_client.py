"""Connects, has a message echoed, and closes, eleven times. Prints how long each step took. Argument: the port."""
import asyncio
import sys
import time

import websockets


async def main():
    for n in range(1, 12):
        started = time.monotonic()
        async with websockets.connect(f"ws://127.0.0.1:{sys.argv[1]}/") as socket:
            connected = time.monotonic()
            await socket.send(f"message {n}")
            if await socket.recv() != f"message {n}":
                sys.exit("another message came back")
            answered = time.monotonic()
        print(f"exchange n={n} handshake_us={(connected - started) * 1e6:.0f} "
              f"message_us={(answered - connected) * 1e6:.0f}", flush=True)


asyncio.run(main())
