"""The connection to the daemon, made again whenever it is lost. It never waits: a driver tells it when to act."""

from __future__ import annotations

import random
import socket
import time
from typing import Callable, Iterator, List, Optional, Tuple

from ._core import Core, Item
from ._frames import Frame, FrameReader, decode
from ._messages import Error, Waiting
from ._places import dial

_READ_BYTES = 32 * 1024
"""Few enough that a loop which runs between two reads finds all messages in its buffer of 1000."""

_SUCCESSION_DELAY = 0.5
"""Seconds after which a client asks again for topics that its former connection still seems to provide."""

# A program that takes SIGPIPE's default action must not end because the daemon does.
_SEND_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)


def longest_delay(failures: int, shortest: float, longest: float) -> float:
    """The upper bound of the delay after so many failures in a row, from 1: it doubles up to `longest`."""
    return min(longest, shortest * 2.0 ** min(failures - 1, 60))


class Link:
    """One connection after the other, each with a non-blocking socket.

    The driver calls `due` at `deadline`, `receive` when the socket is readable, and `send` when it is writable and the
    core has output. `hang_up` closes a socket.
    """

    def __init__(
        self,
        core: Core,
        path: Optional[str],
        retry: Tuple[float, float],
        timeout: float,
        hang_up: Callable[[socket.socket], None],
    ) -> None:
        self.socket: Optional[socket.socket] = None
        self.deadline: Optional[float] = time.monotonic()
        """When to call `due`, by the monotonic clock."""
        self._core = core
        self._path = path
        self._hang_up = hang_up
        self._retry = retry
        self._timeout = timeout
        self._failures = 0
        self._reader = FrameReader()

    def due(self) -> List[Item]:
        """Connects, gives up waiting for the registration, or asks for topics again, if it is time to do so."""
        if self.deadline is None or time.monotonic() < self.deadline:
            return []
        if self._core.ready:
            self.deadline = None
            self._core.succeed()
            self.send()
            return []
        if self.socket is not None:
            return self.lose(Error("timeout", f"the daemon did not answer within {self._timeout:g} s"))
        try:
            self.socket = dial(self._path)
            self._core.connect()
        except Error as error:
            return self.lose(error)
        self.deadline = time.monotonic() + self._timeout
        self._reader = FrameReader()
        self.send()
        return []

    def receive(self) -> bytes:
        """Reads what has arrived; maybe nothing. Raises `connection-lost` if nothing further will."""
        if self.socket is None:
            return b""
        try:
            chunk = self.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            raise Error("connection-lost", f"the connection to the daemon failed: {error}") from error
        if not chunk:
            raise Error("connection-lost", "the daemon closed the connection")
        return chunk

    def frames(self, chunk: bytes) -> Iterator[Tuple[Frame, int]]:
        """Yields the frames that end in a chunk, with their sizes. Raises an error if the connection must end."""
        for frame in self._reader.feed(chunk):
            yield decode(frame), len(frame)

    def take(self, frame: Frame) -> List[Item]:
        """Takes one frame. Raises an error if the connection must end."""
        was_ready = self._core.ready
        items = self._core.take(frame)
        if self._core.ready and not was_ready:
            self._failures = 0
            self.deadline = None
        if self._core.succeeding and self.deadline is None:
            self.deadline = time.monotonic() + _SUCCESSION_DELAY
        if self._core.output:
            self.send()
        return items

    def send(self) -> None:
        """Writes as much as the kernel takes now."""
        output = self._core.output
        try:
            while self.socket and (output or self._core.pump()):
                del output[: self.socket.send(output, _SEND_FLAGS)]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            output.clear()  # What the daemon said last can still be read, and then the end.

    def lose(self, error: Error) -> List[Item]:
        """The connection has ended, or there was none. Schedules the next attempt."""
        self._disconnect()
        self._failures += 1
        delay = random.uniform(0, longest_delay(self._failures, *self._retry))
        self.deadline = time.monotonic() + delay
        error, items = self._core.lose(error)
        return [*items, Waiting(error, delay)]

    def close(self, error: Error) -> None:
        """Ends the connection for good; requests fail."""
        self._disconnect()
        self.deadline = None
        self._core.close(error)

    def _disconnect(self) -> None:
        if self.socket:
            self._hang_up(self.socket)
        self.socket = None
