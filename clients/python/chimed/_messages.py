"""What a program receives: messages, events and errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, ClassVar, Optional, Union

__all__ = ["Error", "Event", "Failing", "Message", "Ready", "Recovered", "Refused", "Rejected", "Uncounted"]
__all__ += ["Unprovided", "Unwanted", "Waiting", "Wanted"]


class Error(Exception):
    """A request failed, or the connection did.

    `code` is one of the daemon's codes, or `timeout`, `connection-lost`, `too-large`, `bad-request` or `closed`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


@dataclass(frozen=True)
class Message:
    """One message of a topic.

    `seq` numbers the messages of the topic, and `time` is in milliseconds since the epoch. `missed` is how many
    messages of the topic this client missed since the one before. `instance` is the id of the numbering that `seq`
    belongs to. `offset` numbers the messages of all topics; messages that were kept across a restart have none.
    `stale` means that the source has failed since.
    """

    topic: str
    seq: int
    time: int
    data: Any
    missed: int
    instance: str
    offset: Optional[int] = None
    stale: bool = False


@dataclass(frozen=True)
class Ready:
    """The daemon has registered the client. `resumed`: the numbering of the last connection continues."""

    level: ClassVar[int] = logging.INFO
    client: int
    instance: str
    resumed: bool

    def __str__(self) -> str:
        return f"connected to the daemon as client {self.client}"


@dataclass(frozen=True)
class Waiting:
    """There is no connection. The client tries again after `delay` seconds."""

    level: ClassVar[int] = logging.WARNING
    error: Error
    delay: float

    def __str__(self) -> str:
        return f"{self.error}; retrying in {self.delay:.2f} s"


@dataclass(frozen=True)
class Uncounted:
    """Messages may be lost, and their number is unknown. Without `topic`, this is about all topics."""

    level: ClassVar[int] = logging.WARNING
    topic: Optional[str] = None

    def __str__(self) -> str:
        where = "" if self.topic is None else f" of {self.topic}"
        return f"some messages{where} may be lost; the number is unknown"


@dataclass(frozen=True)
class Refused:
    """The daemon refuses a pattern. The client is no longer subscribed to it."""

    level: ClassVar[int] = logging.WARNING
    pattern: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"subscription to {self.pattern} refused: {self.message} ({self.code})"


@dataclass(frozen=True)
class Failing:
    """The source of a topic fails. `since` is in milliseconds since the epoch; `failures` counts samples."""

    level: ClassVar[int] = logging.WARNING
    topic: str
    error: str
    since: int
    failures: int

    def __str__(self) -> str:
        return f"the source of {self.topic} is failing: {self.error}"


@dataclass(frozen=True)
class Recovered:
    """The source of a topic works again."""

    level: ClassVar[int] = logging.INFO
    topic: str
    failures: int

    def __str__(self) -> str:
        return f"the source of {self.topic} has recovered"


@dataclass(frozen=True)
class Wanted:
    """A provided topic has subscribers. `instance` and `seq` are those of its last message; `seq` is 0 before it."""

    level: ClassVar[int] = logging.DEBUG
    topic: str
    instance: str
    seq: int

    def __str__(self) -> str:
        return f"{self.topic} has subscribers"


@dataclass(frozen=True)
class Unwanted:
    """A provided topic has no subscribers, or the connection is lost."""

    level: ClassVar[int] = logging.DEBUG
    topic: str

    def __str__(self) -> str:
        return f"{self.topic} has no subscribers"


@dataclass(frozen=True)
class Unprovided:
    """The daemon does not accept this client as the provider of a topic. The client provides it no longer."""

    level: ClassVar[int] = logging.WARNING
    topic: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"the daemon refuses this provider of {self.topic}: {self.message} ({self.code})"


@dataclass(frozen=True)
class Rejected:
    """The daemon rejects a message that this client sent for a provided topic."""

    level: ClassVar[int] = logging.WARNING
    topic: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"message of {self.topic} rejected: {self.message} ({self.code})"


Event = Union[Ready, Waiting, Uncounted, Refused, Failing, Recovered, Wanted, Unwanted, Unprovided, Rejected]
