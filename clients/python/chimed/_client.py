"""What the blocking and the asyncio client have in common."""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Callable, ContextManager, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from ._core import Core, Item, logger
from ._frames import Frame
from ._link import Link
from ._messages import Error, Event, Message, Ready, Rejected, Uncounted, Waiting
from ._queue import MessageQueue

Path = Union[str, "os.PathLike[str]"]


class BaseClient:
    """The members that do not wait. All can be called from `on_event`."""

    _lock: ContextManager[Any]
    """Guards all that follows, if there are threads."""

    def __init__(
        self,
        *,
        socket: Optional[Path] = None,
        name: Optional[str] = None,
        retry_min: float = 0.1,
        retry_max: float = 5.0,
        timeout: float = 5.0,
        buffer: int = 1000,
        buffer_bytes: int = 8 * 1024 * 1024,
        on_event: Optional[Callable[[Event], None]] = None,
    ) -> None:
        """Connects to the daemon, and again whenever the connection is lost. Returns at once.

        `socket` is the path of the daemon's socket; by default the client searches the usual places. `name` appears in
        the daemon's log and status. The delay before an attempt is random, up to `retry_min` seconds at first, doubled
        for each failure up to `retry_max`. `timeout` is how long, in seconds, a daemon can take to answer, and how long
        a request waits for a daemon. If the program is slow, the newest `buffer` messages of at most `buffer_bytes` are
        kept for it. `on_event` is called with each event by the event loop, or by the thread of the client; it must
        return soon.
        """
        if not 0 < retry_min <= retry_max or not timeout > 0:
            raise Error("bad-request", "timeout must be above 0, and retry_min between 0 and retry_max")
        self._timeout = timeout
        self._on_event = on_event
        self._closed = False
        self._core = Core(name)
        self._queue = MessageQueue(buffer, buffer_bytes)
        path = None if socket is None else os.fspath(socket)
        self._link = Link(self._core, path, (retry_min, retry_max), timeout, self._hang_up)
        self._why: Optional[Error] = None
        """Why there is no daemon, if there is none."""
        self._next_warning = 0.0
        self._start()

    def subscribe(self, *patterns: str) -> None:
        """Adds topics, or patterns such as `host.>`, to what this client receives.

        A pattern that the daemon refuses is reported by the event `Refused`; the others remain.
        """
        with self._lock:
            self._check_open()
            self._core.subscribe(patterns)
            self._flush()

    def unsubscribe(self, *patterns: str) -> None:
        """Removes topics or patterns: further messages of theirs are dropped, also those that wait for the program."""
        with self._lock:
            self._check_open()
            self._core.unsubscribe(patterns)
            self._queue.keep(self._core.hears)
            self._flush()

    def provide(self, topic: str) -> None:
        """Becomes the source of a topic that is configured with `provide: true`.

        Returns at once. The events `Wanted`, `Unwanted` and `Unprovided` say what the daemon answers.
        """
        with self._lock:
            self._check_open()
            self._core.provide(topic)
            self._flush()

    def unprovide(self, topic: str) -> None:
        """Gives up a provided topic."""
        with self._lock:
            self._check_open()
            self._core.unprovide(topic)
            self._flush()

    def send(self, topic: str, data: Any) -> bool:
        """Sends a message of a provided topic.

        Returns False if it was not sent: there is no daemon, or more than 1 MiB waits for the daemon to read. Raises
        `bad-request` for data that JSON cannot represent, `too-large`, or why the client does not provide the topic.
        """
        with self._lock:
            self._check_open()
            sent = self._core.send(topic, data)
            self._flush()
            return sent

    def fail(self, topic: str, error: Optional[str] = None) -> bool:
        """Tells the subscribers of a provided topic that it fails, until the next message; None ends the failure.

        Returns False if the daemon cannot be told now. It is told after the next connection.
        """
        with self._lock:
            self._check_open()
            told = self._core.fail(topic, error)
            self._flush()
            return told

    # For the two kinds of clients.

    def _start(self) -> None:
        """Makes the lock, and begins to connect."""
        raise NotImplementedError

    def _flush(self) -> None:
        """Sends the output of the core, and has the rest sent as soon as the daemon reads."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Wakes all that wait for a message, a wish or the end."""
        raise NotImplementedError

    def _await_space(self) -> None:
        """Gives the program a moment to take messages, if that is possible."""

    def _hang_up(self, connection: Any) -> None:
        connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Error("closed", "the client was closed")

    def _close(self) -> None:
        self._closed = True
        self._link.close(Error("closed", "the client was closed"))
        self._queue.keep(lambda _: False)
        self._wake()

    def _take(self) -> Optional[Message]:
        """The next message, or None. Raises an error if there will be none."""
        self._check_open()
        message = self._queue.take()
        if message is None and self._core.refusal is not None:
            refusal, self._core.refusal = self._core.refusal, None
            raise refusal
        return message

    def _wants(self, topic: str) -> bool:
        self._check_open()
        return self._core.wants(topic)

    def _timed_out(self) -> Error:
        why = "" if self._why is None else f": {self._why}"
        return Error("timeout", f"no answer within {self._timeout:g} s{why}")

    def _receive(self) -> None:
        """Reads what has arrived, and hands it on."""
        try:
            with self._lock:
                frames = self._link.frames(self._link.receive())
            while True:
                with self._lock:
                    items, size = self._take_messages(frames)
                    self._wake()
                if not items:
                    return
                self._deliver(items, size)
        except Error as error:
            with self._lock:
                items = [] if self._closed else self._link.lose(error)
            self._deliver(items)

    def _take_messages(self, frames: Iterator[Tuple[Frame, int]]) -> Tuple[List[Item], int]:
        """Queues messages. Returns what the first other frame brings, and its size; nothing if there is none.

        To take the lock and to wake the program for each message would cost more than the message.
        """
        for frame, size in frames:
            if self._closed:
                break
            items = self._link.take(frame)
            if any(not isinstance(item, Message) for item in items):
                return items, size
            self._queue_messages(items, size)
        return [], 0

    def _queue_messages(self, items: Iterable[Item], size: int) -> None:
        for item in items:
            if isinstance(item, Message):
                self._await_space()
                if not self._closed and self._core.hears(item.topic):
                    self._queue.put(item, size)

    def _deliver(self, items: Sequence[Item], size: int = 0) -> None:
        """Queues messages, and tells the program of events; without the lock, since the program's code runs."""
        for item in items:
            if not isinstance(item, Message):
                self._tell(item)
            with self._lock:
                self._queue_messages([item], size)
                self._wake()

    def _tell(self, event: Event) -> None:
        logger.log(self._level(event), "%s", event)
        if self._on_event is None or self._closed:
            return
        try:
            self._on_event(event)
        except Exception:
            logger.exception("on_event has raised an exception for %r", event)

    def _level(self, event: Event) -> int:
        if isinstance(event, Ready):
            self._why = None
        elif isinstance(event, Waiting):
            # The first failure says why; those that follow rarely have news.
            why, self._why = self._why, event.error
            return event.level if why is None else logging.DEBUG
        elif isinstance(event, (Uncounted, Rejected)):
            # Each message can cause one of these.
            now = time.monotonic()
            if now < self._next_warning:
                return logging.DEBUG
            self._next_warning = now + 1
        return event.level
