"""Prints what it hears of a topic on a plain socket. Usage: listen.py SOCKET TOPIC"""
import json
import socket
import sys

path, topic = sys.argv[1:]
sock = socket.socket(socket.AF_UNIX)
sock.connect(path)
sock.sendall(json.dumps({"type": "chimed.register", "data": {"topics": [topic]}}).encode() + b"\f")
rest = b""
while chunk := sock.recv(65536):
    *frames, rest = (rest + chunk).split(b"\f")
    for frame in map(json.loads, frames):
        if frame["type"] == topic:
            print(frame["data"], flush=True)
