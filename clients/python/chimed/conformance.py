"""Adapter for chimed's conformance suite: obeys commands on stdin, and writes events on stdout.

`python3 -m chimed.conformance` drives the blocking client, and `python3 -m chimed.conformance --asyncio` the other one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Union

import chimed
import chimed.aio

Command = Dict[str, Any]

_FEATURES = ["listen", "publish", "get", "provide"]


class Output:
    """Writes one JSON object per line, from any thread."""

    def __init__(self, client: str) -> None:
        self._lock = threading.Lock()
        self.write("hello", client=client, features=_FEATURES)

    def write(self, on: str, **fields: Any) -> None:
        line = json.dumps({"on": on, **fields})
        with self._lock:
            print(line, flush=True)

    def log(self, text: object) -> None:
        self.write("log", text=str(text))

    def message(self, message: chimed.Message) -> None:
        fields = vars(message).copy()
        if message.offset is None:
            del fields["offset"]
        if not message.stale:
            del fields["stale"]
        self.write("message", **fields)

    def event(self, event: chimed.Event) -> None:
        name = type(event).__name__.lower()
        if isinstance(event, (chimed.Ready, chimed.Waiting)) or event == chimed.Uncounted():
            self.write(name)
            self.log(event)
        elif isinstance(event, chimed.Refused):
            self.write(name, topic=event.pattern, code=event.code)
        elif isinstance(event, chimed.Failing):
            self.write(name, topic=event.topic, error=event.error)
        elif isinstance(event, (chimed.Unprovided, chimed.Rejected)):
            self.write(name, topic=event.topic, code=event.code)
        else:
            self.write(name, topic=event.topic)

    def published(self, id: Any, seq: int) -> None:
        self.write("published", id=id, seq=seq)

    def got(self, id: Any, message: Optional[chimed.Message]) -> None:
        if message is None:
            self.write("got", id=id)
        else:
            self.write("got", id=id, seq=message.seq, data=message.data)

    def failed(self, command: Command, error: chimed.Error) -> None:
        self.write("failed", id=command.get("id"), code=error.code)
        self.log(error)


def obey(client: Union[chimed.Client, chimed.aio.Client], command: Command, output: Output) -> None:
    """Does what takes no time, and is the same for both clients."""
    do, topic = command["do"], command.get("topic", "")
    calls: Dict[str, Callable[[], Any]] = {
        "listen": lambda: client.subscribe(*command["topics"]),
        "unlisten": lambda: client.unsubscribe(*command["topics"]),
        "provide": lambda: client.provide(topic),
        "send": lambda: client.send(topic, command["data"]),
        "fail": lambda: client.fail(topic, command.get("error")),
        "unprovide": lambda: client.unprovide(topic),
    }
    try:
        if calls[do]() is False:
            output.log(f"{do} {topic}: not sent")
    except chimed.Error as error:
        output.failed(command, error)


def run_blocking() -> None:
    output = Output("chimed for Python, blocking")
    connect = json.loads(sys.stdin.buffer.readline())
    client = chimed.connect(name=connect.get("name"), on_event=output.event)
    running = threading.Event()
    running.set()
    taking = threading.Lock()
    closed = False

    def take() -> None:
        while not closed:
            running.wait()
            # Short, so that a pause begins soon; and no message is taken that the pause should have left.
            with taking, contextlib.suppress(chimed.Error):
                message = client.receive(timeout=0.02) if running.is_set() else None
                if message:
                    output.message(message)

    def ask(command: Command) -> None:
        try:
            if command["do"] == "publish":
                output.published(command["id"], client.publish(command["topic"], command["data"]))
            else:
                output.got(command["id"], client.get(command["topic"]))
        except chimed.Error as error:
            output.failed(command, error)

    threading.Thread(target=take, daemon=True).start()
    for line in sys.stdin.buffer:
        command: Command = json.loads(line)
        do = command["do"]
        if do == "pause":
            running.clear()
            with taking:
                pass
        elif do == "continue":
            running.set()
        elif do in ("publish", "get"):
            asking = threading.Thread(target=ask, args=(command,), daemon=True)
            asking.start()
            asking.join(0.05)  # Long enough that requests are sent in the order of the commands.
        elif do == "close":
            break
        else:
            obey(client, command, output)
    closed = True
    client.close()
    output.write("closed")


async def run_asyncio() -> None:
    output = Output("chimed for Python, asyncio")
    loop = asyncio.get_running_loop()
    asking: List[asyncio.Task[None]] = []

    async def read() -> Command:
        line = await loop.run_in_executor(None, sys.stdin.buffer.readline)
        command: Command = json.loads(line) if line else {"do": "close"}
        return command

    async def take() -> None:
        while True:
            with contextlib.suppress(chimed.Error):
                async for message in client:
                    output.message(message)
                return

    async def ask(command: Command) -> None:
        try:
            if command["do"] == "publish":
                output.published(command["id"], await client.publish(command["topic"], command["data"]))
            else:
                output.got(command["id"], await client.get(command["topic"]))
        except chimed.Error as error:
            output.failed(command, error)

    connect = await read()
    async with chimed.aio.connect(name=connect.get("name"), on_event=output.event) as client:
        taking = loop.create_task(take())
        while True:
            command = await read()
            do = command["do"]
            if do == "pause":
                taking.cancel()
            elif do == "continue":
                taking = loop.create_task(take())
            elif do in ("publish", "get"):
                asking.append(loop.create_task(ask(command)))
            elif do == "close":
                break
            else:
                obey(client, command, output)
    output.write("closed")


if __name__ == "__main__":
    if "--asyncio" in sys.argv[1:]:
        asyncio.run(run_asyncio())
    else:
        run_blocking()
