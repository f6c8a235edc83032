"""The blocking client."""

from __future__ import annotations

import select
import socket as sockets
import threading
import time
from concurrent.futures import Future, TimeoutError
from typing import Any, Callable, Dict, Iterator, Optional

from ._client import BaseClient
from ._messages import Error, Message

_LONGEST_PAUSE = 0.1
"""Seconds that reading pauses for a loop that is behind. A loop that is still behind then is slow: it loses messages."""

_LONGEST_JOIN = 1.0
"""Seconds that `close` waits for `on_event`."""


class Client(BaseClient):
    """A client whose calls wait. All members can be called from any thread."""

    def _start(self) -> None:
        self._lock = self._changed = threading.Condition()
        self._is_paused = self._is_slow = False
        self._waker, self._alarm = sockets.socketpair()
        self._waker.setblocking(False)
        self._alarm.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="chimed", daemon=True)
        self._thread.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        """Waits for the next message. Ends when the client is closed.

        Raises the error of the daemon if it has refused the last pattern: nothing would arrive.
        """
        try:
            message = self.receive()
        except Error as error:
            if error.code == "closed":
                raise StopIteration from None
            raise
        assert message is not None
        return message

    def receive(self, timeout: Optional[float] = None) -> Optional[Message]:
        """Waits for the next message, at most `timeout` seconds; then returns None. Raises `closed`, or a refusal."""
        with self._changed:
            return self._changed.wait_for(self._take, timeout)

    def publish(self, topic: str, data: Any) -> int:
        """Publishes to a topic that is configured with `publish: true`. Returns the number of the message.

        Raises an error with a code of the daemon's, or `timeout`, `connection-lost` (the message may or may not have
        arrived), `too-large`, `bad-request` or `closed`.
        """
        seq: int = self._ask(lambda answer: self._core.publish(topic, data, answer)).get("seq", 0)
        return seq

    def get(self, topic: str) -> Optional[Message]:
        """The last message of a topic, or None if it has none. Subscribes to nothing. Raises as `publish` does."""
        return self._core.got(topic, self._ask(lambda answer: self._core.get(topic, answer)))

    def wait_wanted(self, topic: str, timeout: Optional[float] = None) -> bool:
        """Waits until a provided topic has subscribers; returns False if it has none after `timeout` seconds.

        Raises `closed`, or the reason for which the daemon does not accept this provider.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._wants(topic), timeout)

    def close(self) -> None:
        """Closes the connection, and ends what waits. Waits up to 1 s for a call of `on_event` to return."""
        with self._changed:
            if not self._closed:
                self._close()
        self._ring()
        if threading.current_thread() is not self._thread:
            self._thread.join(_LONGEST_JOIN)

    def _ask(self, begin: Callable[[Future[Dict[str, Any]]], int]) -> Dict[str, Any]:
        if threading.current_thread() is self._thread:
            raise RuntimeError("on_event must not wait for an answer: only its return lets the client read one")
        answer: Future[Dict[str, Any]] = Future()
        with self._changed:
            self._check_open()
            id = begin(answer)
            self._flush()
        try:
            return answer.result(self._timeout)
        except TimeoutError:
            raise self._timed_out() from None
        finally:
            with self._changed:
                self._core.forget(id)

    def _take(self) -> Optional[Message]:
        message = super()._take()
        if self._queue.is_half_empty:
            self._is_slow = False
            if self._is_paused:
                self._is_paused = False
                self._changed.notify_all()
        return message

    def _await_space(self) -> None:
        if self._queue.is_full and not self._is_slow:
            self._is_paused = True
            self._wake()
            self._is_slow = not self._changed.wait_for(lambda: self._closed or not self._is_paused, _LONGEST_PAUSE)
            self._is_paused = False

    def _flush(self) -> None:
        self._link.send()
        if self._core.output:
            self._ring()

    def _wake(self) -> None:
        self._changed.notify_all()

    def _ring(self) -> None:
        """Has the thread look at what there is to wait for."""
        try:
            self._alarm.send(b"\0")
        except OSError:
            pass  # It is about to look anyway, or has ended.

    def _run(self) -> None:
        with self._waker, self._alarm:
            while not self._closed:
                with self._changed:
                    items = [] if self._closed else self._link.due()
                self._deliver(items)
                self._wait()

    def _wait(self) -> None:
        """Waits for the socket, the deadline or a ring, and does what there is to do."""
        poll = select.poll()
        poll.register(self._waker, select.POLLIN)
        with self._changed:
            connection, deadline = self._link.socket, self._link.deadline
            if connection:
                poll.register(connection, select.POLLIN | (select.POLLOUT if self._core.output else 0))
        milliseconds = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000 + 1
        for descriptor, events in poll.poll(milliseconds):
            if descriptor == self._waker.fileno():
                self._waker.recv(4096)
                continue
            if events & select.POLLOUT:
                with self._changed:
                    self._link.send()
            if events & ~select.POLLOUT:
                self._receive()


connect = Client
