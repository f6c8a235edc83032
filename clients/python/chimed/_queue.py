"""The messages that wait for the program."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Callable, Deque, Dict, Optional, Tuple

from ._messages import Message


class MessageQueue:
    """Holds the newest messages for a program that is slower than its topics. It counts those that it drops.

    The next message is never dropped: the program may be about to take it, however large it is.
    """

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._next: Optional[Message] = None
        self._waiting: Deque[Tuple[Message, int]] = deque()
        self._bytes = 0
        self._dropped: Dict[str, int] = {}

    @property
    def is_full(self) -> bool:
        """True if a further message could cause another one to be dropped."""
        return len(self._waiting) >= self._most_messages or self._bytes >= self._most_bytes

    @property
    def is_half_empty(self) -> bool:
        return len(self._waiting) <= self._most_messages // 2 and self._bytes <= self._most_bytes // 2

    def put(self, message: Message, size: int) -> None:
        """Adds a message of `size` bytes. Drops the oldest but the next one if there is no space; the newest stays."""
        if self._next is None:
            self._next = message
            return
        self._waiting.append((message, size))
        self._bytes += size
        while len(self._waiting) > 1 and (
            len(self._waiting) > self._most_messages or self._bytes > self._most_bytes
        ):
            oldest = self._shift()
            self._dropped[oldest.topic] = self._dropped.get(oldest.topic, 0) + oldest.missed + 1

    def take(self) -> Optional[Message]:
        """Removes and returns the next message, or returns None."""
        message, self._next = self._next, None
        if self._waiting:
            following = self._shift()
            dropped = self._dropped.pop(following.topic, 0)
            self._next = replace(following, missed=following.missed + dropped) if dropped else following
        return message

    def keep(self, is_kept: Callable[[str], bool]) -> None:
        """Removes the messages of all other topics, and what was counted of them."""
        self._waiting = deque(each for each in self._waiting if is_kept(each[0].topic))
        self._bytes = sum(size for _, size in self._waiting)
        self._dropped = {topic: count for topic, count in self._dropped.items() if is_kept(topic)}
        if self._next is not None and not is_kept(self._next.topic):
            self.take()

    def _shift(self) -> Message:
        message, size = self._waiting.popleft()
        self._bytes -= size
        return message
