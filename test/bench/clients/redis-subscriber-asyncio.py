"""Counts the messages of a channel: redis-subscriber-asyncio.py SOCKET [SECONDS to sleep for each]"""
import asyncio
import json
import sys

import redis.asyncio


async def main() -> None:
    pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
    count = 0
    pubsub = redis.asyncio.Redis(unix_socket_path=sys.argv[1]).pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe("bench")
    async for message in pubsub.listen():
        if message is None:  # the confirmation of the subscription
            continue
        count += 1
        if json.loads(message["data"]) == "end":
            print(count, 0, flush=True)
        elif pause:
            await asyncio.sleep(pause)


asyncio.run(main())
