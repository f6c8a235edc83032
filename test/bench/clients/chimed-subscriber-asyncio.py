"""Counts the messages of a topic: chimed-subscriber-asyncio.py SOCKET [SECONDS to sleep for each]"""
import asyncio
import sys

import chimed.aio


async def main() -> None:
    pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
    count = missed = 0
    async with chimed.aio.connect(socket=sys.argv[1]) as client:
        client.subscribe("bench")
        async for message in client:
            count += 1
            missed += message.missed
            if message.data == "end":
                print(count, missed, flush=True)
            elif pause:
                await asyncio.sleep(pause)


asyncio.run(main())
