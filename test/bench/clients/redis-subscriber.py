"""Counts the messages of a channel: redis-subscriber.py SOCKET [SECONDS to sleep for each [raw, not to parse]]"""
import json
import sys
import time

import redis

pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
raw = "raw" in sys.argv
end = b'"end"' if raw else "end"
count = 0
pubsub = redis.Redis(unix_socket_path=sys.argv[1]).pubsub(ignore_subscribe_messages=True)
pubsub.subscribe("bench")
for message in pubsub.listen():
    count += 1
    data = message["data"]
    if not raw:
        data = json.loads(data)
    if data == end:
        print(count, 0, flush=True)
    elif pause:
        time.sleep(pause)
