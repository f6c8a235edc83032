"""Prints the samples of this host, and how many were missed."""

import sys

import chimed

with chimed.connect(name="dashboard") as client:
    client.subscribe("host.>")
    for message in client:
        if message.missed > 0:
            print(f"missed {message.missed} messages of {message.topic}", file=sys.stderr)
        print(message.topic, message.seq, message.data, flush=True)
