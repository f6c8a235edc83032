"""What the tests try clients against: a real daemon, and a peer that says what a test wants."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from concurrent.futures import TimeoutError
from pathlib import Path
from typing import Any, Dict, List, Optional, Type, TypeVar

import chimed
import chimed.aio

SOON = 10.0
"""Seconds within which everything happens that a test waits for."""

E = TypeVar("E")


class Events:
    """The events of a client, in their order."""

    def __init__(self) -> None:
        self._events: queue.Queue[chimed.Event] = queue.Queue()

    def __call__(self, event: chimed.Event) -> None:
        self._events.put(event)

    def next(self, kind: Type[E]) -> E:
        """The next event of this kind; drops those before it."""
        seen: List[chimed.Event] = []
        while True:
            try:
                event = self._events.get(timeout=SOON)
            except queue.Empty:
                raise AssertionError(f"no event {kind.__name__}, but {seen}") from None
            if isinstance(event, kind):
                return event
            seen.append(event)


class LoopClient:
    """An asyncio client in a loop of another thread, with the members of the blocking one."""

    _loop = asyncio.new_event_loop()
    _thread: Optional[threading.Thread] = None

    def __init__(self, **options: Any) -> None:
        if LoopClient._thread is None:
            LoopClient._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            LoopClient._thread.start()
        self._client: chimed.aio.Client = self._run(self._make(options))

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self._run(self._call(name, args))

    def receive(self, timeout: float) -> Optional[chimed.Message]:
        async def receive() -> Optional[chimed.Message]:
            try:
                return await asyncio.wait_for(self._client.receive(), timeout)
            except asyncio.TimeoutError:
                return None

        result: Optional[chimed.Message] = self._run(receive())
        return result

    def wait_wanted(self, topic: str, timeout: float) -> bool:
        async def wait() -> bool:
            try:
                await asyncio.wait_for(self._client.wait_wanted(topic), timeout)
                return True
            except asyncio.TimeoutError:
                return False

        return bool(self._run(wait()))

    def __iter__(self) -> LoopClient:
        return self

    def __next__(self) -> chimed.Message:
        async def following() -> Optional[chimed.Message]:
            async for message in self._client:
                return message
            return None

        message: Optional[chimed.Message] = self._run(following())
        if message is None:
            raise StopIteration
        return message

    async def _make(self, options: Dict[str, Any]) -> chimed.aio.Client:
        return chimed.aio.connect(**options)

    async def _call(self, name: str, args: Any) -> Any:
        result = getattr(self._client, name)(*args)
        return await result if inspect.isawaitable(result) else result

    def _run(self, coroutine: Any) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SOON)
        except TimeoutError:
            raise AssertionError(f"{coroutine} did not end") from None


class Folder:
    """A temporary directory with a socket."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="chimed-python-"))
        self.socket = self.path / "s"

    def remove(self) -> None:
        shutil.rmtree(self.path)


class Daemon:
    """A real daemon, started by the command line in `$CHIMED`."""

    def __init__(self, config: Dict[str, Any]) -> None:
        self.folder = Folder()
        self.socket = self.folder.socket
        self.config = self.folder.path / "chimed.yaml"
        self.config.write_text(json.dumps({"state": {"file": str(self.folder.path / "state.json")}, **config}))
        self.start()

    def start(self) -> None:
        command = shlex.split(os.environ.get("CHIMED", "chimed"))
        log = open(self.folder.path / "log", "ab")
        try:
            self.process = subprocess.Popen(
                [*command, "serve", "--config", str(self.config), "--socket", str(self.socket)],
                stdout=log,
                stderr=log,
            )
        except OSError as error:
            self.folder.remove()
            how = "set CHIMED to its command line, such as CHIMED='node /usr/lib/chimed/dist/cli/main.js'"
            raise AssertionError(f"these tests need chimed: {error}; {how}") from error
        finally:
            log.close()
        events = Events()
        with chimed.connect(socket=self.socket, on_event=events):
            try:
                events.next(chimed.Ready)
            except AssertionError:
                self.process.kill()
                self.process.wait()
                print((self.folder.path / "log").read_text())
                raise

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(SOON)

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        self.folder.remove()


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.stream = connection.makefile("rb")

    def frame(self, kind: str) -> Dict[str, Any]:
        """The data of the next frame, which must be of this kind."""
        text = b""
        while not text.endswith(b"\f"):
            byte = self.stream.read(1)
            assert byte, "the client has closed the connection"
            text += byte
        frame: Dict[str, Any] = json.loads(text[:-1])
        assert frame["type"] == kind, frame
        data: Dict[str, Any] = frame["data"]
        return data

    def say(self, kind: str, data: Any, **numbers: Any) -> None:
        self.connection.sendall(json.dumps({"type": kind, "data": data, **numbers}).encode() + b"\f")

    def register(self, instance: str = "one", frame_bytes: int = 1024 * 1024) -> Dict[str, Any]:
        """Reads and answers a registration."""
        asked = self.frame("chimed.register")
        limits = {"frameBytes": frame_bytes}
        self.say("chimed.registered", {"client": 1, "instance": instance, "topics": [], "limits": limits})
        return asked

    def close(self) -> None:
        self.stream.close()
        self.connection.close()


class Server:
    """A socket at which a test plays the daemon."""

    def __init__(self) -> None:
        self.folder = Folder()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(SOON)
        self._listener.bind(str(self.folder.socket))
        self._listener.listen()
        self._peers: List[Peer] = []

    def accept(self) -> Peer:
        connection, _ = self._listener.accept()
        connection.settimeout(SOON)
        self._peers.append(Peer(connection))
        return self._peers[-1]

    def remove(self) -> None:
        for peer in self._peers:
            peer.close()
        self._listener.close()
        self.folder.remove()
