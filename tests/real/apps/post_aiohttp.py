"""POSTs on one kept-alive connection. Arguments: the URL, how many."""
import asyncio
import sys

import aiohttp


async def main():
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for _ in range(int(sys.argv[2])):
            async with session.post(sys.argv[1], json={"on": True, "pad": "x" * 177}) as response:
                await response.read()


asyncio.run(main())
