"""The client for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import time
from typing import Any, Callable, Dict, Optional, TypeVar

from ._client import BaseClient
from ._messages import Error, Message

__all__ = ["Client", "connect"]

_T = TypeVar("_T")


class Client(BaseClient):
    """A client in the running event loop. Use it from that loop only."""

    def _start(self) -> None:
        self._lock = contextlib.nullcontext()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._watched: Optional[sockets.socket] = None
        self._writing = False
        self._timer: asyncio.Handle = self._loop.call_soon(self._act)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Client:
        return self

    async def __anext__(self) -> Message:
        """Waits for the next message. Ends when the client is closed.

        Raises the error of the daemon if it has refused the last pattern: nothing would arrive.
        """
        try:
            return await self.receive()
        except Error as error:
            if error.code == "closed":
                raise StopAsyncIteration from None
            raise

    async def receive(self) -> Message:
        """Waits for the next message. Cancelling loses none. Raises `closed`, or a refusal."""
        return await self._until(self._take)

    async def publish(self, topic: str, data: Any) -> int:
        """Publishes to a topic that is configured with `publish: true`. Returns the number of the message.

        Raises an error with a code of the daemon's, or `timeout`, `connection-lost` (the message may or may not have
        arrived), `too-large`, `bad-request` or `closed`.
        """
        seq: int = (await self._ask(lambda answer: self._core.publish(topic, data, answer))).get("seq", 0)
        return seq

    async def get(self, topic: str) -> Optional[Message]:
        """The last message of a topic, or None if it has none. Subscribes to nothing. Raises as `publish` does."""
        return self._core.got(topic, await self._ask(lambda answer: self._core.get(topic, answer)))

    async def wait_wanted(self, topic: str) -> None:
        """Waits until a provided topic has subscribers.

        Raises `closed`, or the reason for which the daemon does not accept this provider.
        """
        await self._until(lambda: self._wants(topic) or None)

    def close(self) -> None:
        """Closes the connection, and ends what waits. Does not wait, so it needs no `await`."""
        if not self._closed:
            self._close()
            self._timer.cancel()

    async def _until(self, find: Callable[[], Optional[_T]]) -> _T:
        while True:
            found = find()
            if found is not None:
                return found
            self._changed.clear()
            await self._changed.wait()

    async def _ask(self, begin: Callable[[asyncio.Future[Dict[str, Any]]], int]) -> Dict[str, Any]:
        self._check_open()
        answer: asyncio.Future[Dict[str, Any]] = self._loop.create_future()
        id = begin(answer)
        self._flush()
        try:
            return await asyncio.wait_for(answer, self._timeout)
        except asyncio.TimeoutError:
            raise self._timed_out() from None
        finally:
            self._core.forget(id)

    def _flush(self) -> None:
        self._link.send()
        self._watch()

    def _wake(self) -> None:
        self._changed.set()

    def _hang_up(self, connection: sockets.socket) -> None:
        self._loop.remove_reader(connection)
        self._loop.remove_writer(connection)
        self._watched, self._writing = None, False
        connection.close()

    def _act(self) -> None:
        """It is time to connect, or something can be read or written."""
        self._deliver(self._link.due())
        self._watch()

    def _readable(self) -> None:
        self._receive()
        self._watch()

    def _watch(self) -> None:
        """Has the event loop watch for what comes next: the socket, and the deadline."""
        self._timer.cancel()
        if self._closed:
            return
        if self._link.deadline is not None:
            self._timer = self._loop.call_later(self._link.deadline - time.monotonic(), self._act)
        connection = self._link.socket
        if connection is None:
            return
        if self._watched is not connection:
            self._loop.add_reader(connection, self._readable)
            self._watched = connection
        if bool(self._core.output) != self._writing:
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(connection, self._flush)
            else:
                self._loop.remove_writer(connection)


connect = Client
