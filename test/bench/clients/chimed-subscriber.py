"""Counts the messages of a topic: chimed-subscriber.py SOCKET [SECONDS to sleep for each]"""
import sys
import time

import chimed

pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0
count = missed = 0
with chimed.connect(socket=sys.argv[1]) as client:
    client.subscribe("bench")
    for message in client:
        count += 1
        missed += message.missed
        if message.data == "end":
            print(count, missed, flush=True)
        elif pause:
            time.sleep(pause)
