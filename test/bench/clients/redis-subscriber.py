"""Counts the messages of a channel: redis-subscriber.py SOCKET [SECONDS to sleep for each]"""
import json
import sys
import time

import redis

pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
count = 0
pubsub = redis.Redis(unix_socket_path=sys.argv[1]).pubsub(ignore_subscribe_messages=True)
pubsub.subscribe("bench")
for message in pubsub.listen():
    count += 1
    if json.loads(message["data"]) == "end":
        print(count, 0, flush=True)
    elif pause:
        time.sleep(pause)
