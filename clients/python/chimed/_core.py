"""What a client knows and says. No part of it reads, writes, waits or looks at a clock."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Protocol, Tuple, Union

from ._frames import Frame, encode
from ._messages import Error, Event, Failing, Message, Ready, Recovered, Refused, Rejected
from ._messages import Uncounted, Unprovided, Unwanted, Wanted

logger = logging.getLogger("chimed")

Item = Union[Event, Message]

MOST_BACKLOG = 1024 * 1024
"""Bytes that wait for the daemon to read before `send` refuses more, and before requests wait."""

_HIGHEST_SEQ = 2**53 - 1
_REFUSALS = ("too-large", "bad-request")
"""Codes of a registration that would be refused again."""
_SUCCESSION_ATTEMPTS = 20
"""How often a client asks again for a topic that its former connection still seems to provide."""

_MOST_REGISTER_BYTES = 1024 * 1024
_MOST_ENTRIES = 20_000
"""Topics in one request; a daemon accepts 50,000 values in a frame, and a topic that resumes has up to two."""
_LONGEST_FAILURE = 1000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WORD = "[A-Za-z0-9_-]+"
_TOPIC = re.compile(rf"{_WORD}(?:\.{_WORD})*")
_PATTERN = re.compile(rf">|(?:{_WORD}|\*)(?:\.(?:{_WORD}|\*))*(?:\.>)?")


class Answer(Protocol):
    """What a request waits for: a future of `concurrent.futures` or of `asyncio`."""

    def done(self) -> bool: ...

    def set_result(self, result: Dict[str, Any]) -> None: ...

    def set_exception(self, exception: BaseException) -> None: ...


@dataclass
class _Request:
    frame: bytes
    answer: Answer


@dataclass
class _Provided:
    wanted: bool = False
    failure: Optional[str] = None
    attempts: int = 0
    """How often to ask again if another client seems to provide it; none before the daemon has accepted it once."""


class Core:
    """The protocol of one client over all its connections.

    It takes frames of the daemon and calls of the program, appends what must be sent to `output`, and returns messages
    and events in the order in which the program must receive them.
    """

    def __init__(self, name: Optional[str] = None) -> None:
        if name is not None and (len(name) > 100 or _CONTROL.search(name)):
            raise Error("bad-request", "the name of a client has at most 100 characters, no control characters")
        self.output = bytearray()
        self.connected = False
        """`chimed.register` was sent: changes must be sent as well."""
        self.ready = False
        """`chimed.registered` has arrived."""
        self.refusal: Optional[Error] = None
        """Why the client is subscribed to nothing, if the daemon has refused its last pattern."""
        self._name = name
        self._patterns: Dict[str, None] = {}
        self._instance: Optional[str] = None
        self._positions: Dict[str, Tuple[str, int]] = {}
        """The numbering and number of the last message of each topic."""
        self._frame_bytes = float("inf")
        self._refused = False
        """The daemon has refused the last registration, maybe since it resumes."""
        self._requests: Dict[int, _Request] = {}
        self._unsent: Dict[int, _Request] = {}
        """Those of the requests that wait for a daemon, or for it to read."""
        self._last_id = 0
        self._provided: Dict[str, _Provided] = {}
        self._unprovided: Dict[str, Error] = {}
        self._asked: Dict[int, List[str]] = {}
        """The topics of each `chimed.provide` that was not answered, without those that were refused."""
        self.succeeding: List[str] = []
        """Topics that the former connection still seems to provide: `succeed` asks for them again."""
        self._last_words: Optional[Error] = None
        self._handlers: Dict[str, Callable[[Dict[str, Any]], Iterable[Item]]] = {
            "chimed.registered": self._registered,
            "chimed.published": self._answered,
            "chimed.got": self._answered,
            "chimed.provided": self._accepted,
            "chimed.rejected": self._rejected,
            "chimed.stopping": self._stopping,
            "chimed.failing": self._failing,
            "chimed.recovered": self._recovered,
            "chimed.wanted": self._wanted,
            "chimed.unwanted": self._unwanted,
        }

    # The connection.

    def connect(self) -> None:
        """There is a connection: says what the client is subscribed to."""
        self.connected = True
        self.output += self._registration()

    def take(self, frame: Frame) -> List[Item]:
        """Takes one frame of the daemon. Raises an error if the connection must end."""
        kind = frame["type"]
        if not kind.startswith("chimed."):
            return list(self._message(kind, frame))
        handler = self._handlers.get(kind)
        data = frame.get("data")
        return list(handler(data)) if handler and isinstance(data, dict) else []

    def lose(self, error: Error) -> Tuple[Error, List[Item]]:
        """The connection has ended, or there was none. Returns why: the daemon may have said so before."""
        error = self._last_words or error
        self._last_words = None
        self.connected = self.ready = False
        self.output.clear()
        self._asked.clear()
        self.succeeding.clear()
        for id in list(self._requests):
            if id not in self._unsent:
                reason = f"the connection ended before the daemon answered: {error}"
                self._fail(id, Error("connection-lost", reason))
        unwanted = [topic for topic, provided in self._provided.items() if provided.wanted]
        for topic in unwanted:
            self._provided[topic].wanted = False
        return error, [Unwanted(topic) for topic in unwanted]

    def close(self, error: Error) -> None:
        """The client is closed: all requests fail."""
        self.connected = self.ready = False
        self.output.clear()
        for id in list(self._requests):
            self._fail(id, error)

    # Subscriptions.

    def subscribe(self, patterns: Iterable[str]) -> None:
        added = [pattern for pattern in dict.fromkeys(patterns) if pattern not in self._patterns]
        for pattern in added:
            _check_name(_PATTERN, pattern, "a topic or pattern")
        if added and self.connected:
            self._say("chimed.register", topics=added)
        if added:
            self.refusal = None
        self._patterns.update(dict.fromkeys(added))

    def unsubscribe(self, patterns: Iterable[str]) -> None:
        removed = [pattern for pattern in dict.fromkeys(patterns) if pattern in self._patterns]
        if removed and self.connected:
            self._say("chimed.unregister", topics=removed)
        self._forget(removed)

    def hears(self, topic: str) -> bool:
        """True if a pattern of the client matches the topic."""
        return topic in self._positions or any(matches(pattern, topic) for pattern in self._patterns)

    def _forget(self, patterns: Iterable[str]) -> None:
        for pattern in patterns:
            del self._patterns[pattern]
        positions, self._positions = self._positions, {}
        self._positions = {topic: at for topic, at in positions.items() if self.hears(topic)}

    # Requests.

    def publish(self, topic: str, data: Any, answer: Answer) -> int:
        _check_name(_TOPIC, topic, "a topic")
        return self._ask("chimed.publish", answer, topic=topic, data=data)

    def get(self, topic: str, answer: Answer) -> int:
        _check_name(_TOPIC, topic, "a topic")
        return self._ask("chimed.get", answer, topic=topic)

    def got(self, topic: str, answer: Dict[str, Any]) -> Optional[Message]:
        """The message in the answer to `get`, if there is one."""
        return self._read(topic, answer, 0) if _seq(answer) else None

    def forget(self, id: int) -> None:
        """Nobody waits for the answer any longer: what was not sent is not sent."""
        self._requests.pop(id, None)
        self._unsent.pop(id, None)

    def pump(self) -> bool:
        """Adds the requests that wait to the output, as far as the daemon reads. Returns whether there is output."""
        while self.ready and self._unsent and len(self.output) <= MOST_BACKLOG:
            id = next(iter(self._unsent))
            request = self._unsent.pop(id)
            if request.answer.done():  # The program has cancelled it.
                continue
            try:
                self._check_size(request.frame)
            except Error as error:
                self._fail(id, error)
            else:
                self.output += request.frame
        return bool(self.output)

    def _ask(self, kind: str, answer: Answer, **data: Any) -> int:
        self._last_id += 1
        id = self._last_id
        request = _Request(encode({"type": kind, "data": {**data, "id": id}}), answer)
        self._requests[id] = self._unsent[id] = request
        self.pump()
        return id

    def _fail(self, id: int, error: Error) -> None:
        answer = self._requests.pop(id).answer
        self._unsent.pop(id, None)
        if not answer.done():
            answer.set_exception(error)

    # Provided topics.

    def provide(self, topic: str) -> None:
        _check_name(_TOPIC, topic, "a topic")
        if topic in self._provided:
            return
        if self.ready:
            self._ask_to_provide([topic])
        self._unprovided.pop(topic, None)
        self._provided[topic] = _Provided()

    def unprovide(self, topic: str) -> None:
        self._unprovided.pop(topic, None)
        if self._provided.pop(topic, None) and self.ready:
            self._say("chimed.unprovide", topics=[topic])

    def succeed(self) -> None:
        """Asks again for the topics that the former connection seemed to provide."""
        topics, self.succeeding = [topic for topic in self.succeeding if topic in self._provided], []
        for part in _parts(topics, self._frame_bytes):
            self._ask_to_provide(part)

    def _ask_to_provide(self, topics: List[str]) -> None:
        self._last_id += 1
        self._say("chimed.provide", topics=topics, id=self._last_id)
        self._asked[self._last_id] = topics

    def wants(self, topic: str) -> bool:
        """True if a provided topic has subscribers. Raises why the client does not provide it, if so."""
        return self._providing(topic).wanted

    def send(self, topic: str, data: Any) -> bool:
        """Sends a message of a provided topic. Returns False if there is no daemon, or if it does not read."""
        provided = self._providing(topic)
        if not self.ready or len(self.output) > MOST_BACKLOG:
            return False
        frame = encode({"type": topic, "data": data})
        self._check_size(frame)
        self.output += frame
        provided.failure = None
        return True

    def fail(self, topic: str, error: Optional[str]) -> bool:
        """Says that a provided topic fails, or no longer fails. Returns False if the daemon cannot be told now."""
        provided = self._providing(topic)
        provided.failure = None if error is None else error[:_LONGEST_FAILURE] or "no reason was given"
        if not self.ready or len(self.output) > MOST_BACKLOG:
            return False
        self._say_failure(topic, provided.failure)
        return True

    def _say_failure(self, topic: str, failure: Optional[str]) -> None:
        try:
            self._say("chimed.fail", topic=topic, error=failure)
        except Error:  # Escaped, a reason of 1,000 characters can be longer than a daemon accepts.
            self._say("chimed.fail", topic=topic, error="the reason does not fit into a frame")

    def _providing(self, topic: str) -> _Provided:
        if topic in self._provided:
            return self._provided[topic]
        raise self._unprovided.get(topic) or Error("not-provided", f"this client does not provide {topic}")

    # What the daemon says.

    def _registered(self, data: Dict[str, Any]) -> Iterator[Item]:
        instance = data.get("instance")
        if not isinstance(instance, str):
            raise Error("bad-type", "the server is not a daemon that this client knows: it has no instance")
        limits = data.get("limits")
        limit = limits.get("frameBytes") if isinstance(limits, dict) else None
        self._frame_bytes = limit if isinstance(limit, int) else float("inf")
        former, self._instance = self._instance, instance
        ended = [topic for topic, (own, _) in self._positions.items() if own == former != instance]
        for topic in ended:
            del self._positions[topic]
        if ended or data.get("uncounted") is True:
            yield Uncounted()
        self._refused = False
        if self.ready:
            return
        self.ready = True
        yield Ready(_number(data, "client"), instance, resumed=former == instance)
        self.pump()
        for topics in _parts(list(self._provided), self._frame_bytes):
            self._ask_to_provide(topics)
        for topic, provided in self._provided.items():
            if provided.failure is not None:
                self._say_failure(topic, provided.failure)

    def _message(self, topic: str, frame: Frame) -> Iterable[Item]:
        seq = _seq(frame)
        if not self.ready or not seq or not self.hears(topic):
            return ()
        instance = _text(frame, "instance") or self._instance or ""
        former, last = self._positions.get(topic, (instance, seq - 1))
        if former == instance and seq <= last:
            return ()
        self._positions[topic] = (instance, seq)
        if former != instance:
            return (Uncounted(topic), self._read(topic, frame, 0))
        return (self._read(topic, frame, seq - last - 1),)

    def _read(self, topic: str, fields: Dict[str, Any], missed: int) -> Message:
        return Message(
            topic,
            fields["seq"],
            _number(fields, "time"),
            fields.get("data"),
            missed,
            _text(fields, "instance") or self._instance or "",
            _number(fields, "offset") if "offset" in fields else None,
            fields.get("stale") is True,
        )

    def _answered(self, data: Dict[str, Any]) -> Iterable[Item]:
        request = self._requests.pop(_number(data, "id"), None)
        if request and not request.answer.done():
            request.answer.set_result(data)
        return ()

    def _rejected(self, data: Dict[str, Any]) -> Iterator[Item]:
        code, reason = _text(data, "code") or "bad-request", _text(data, "message")
        request, topic, id = _text(data, "request"), _text(data, "topic"), _number(data, "id")
        if not request:  # It is about the connection, which ends now.
            self._refused = self._refused or not self.ready and code in _REFUSALS
            self._last_words = Error(code, reason)
        elif code == "too-fast":
            logger.warning("%s (%s)", reason, code)  # The request was not dropped.
        elif request == "chimed.register" and not topic and not self.ready:
            self._refused = code in _REFUSALS
            raise Error(code, reason)
        elif id in self._requests:
            self._fail(id, Error(code, reason))
        elif request == "chimed.register" and topic in self._patterns:
            self._forget([topic])
            if not self._patterns:
                self.refusal = Error(code, reason)
            yield Refused(topic, code, reason)
        elif request == "chimed.provide":
            refused = [topic] if topic else list(self._provided)  # An old daemon knows no such request.
            for each in refused:
                for asked in self._asked.values():
                    if each in asked:
                        asked.remove(each)
                        break
                provided = self._provided.get(each)
                if provided and code == "already-provided" and provided.attempts > 0:
                    provided.attempts -= 1
                    self.succeeding.append(each)
                elif self._provided.pop(each, None):
                    self._unprovided[each] = Error(code, reason)
                    yield Unprovided(each, code, reason)
        elif (topic or request) in self._provided:
            yield Rejected(topic or request, code, reason)
        else:
            logger.warning("%s rejected: %s (%s)", request, reason, code)

    def _accepted(self, data: Dict[str, Any]) -> Iterable[Item]:
        for topic in self._asked.pop(_number(data, "id"), ()):
            if topic in self._provided:
                self._provided[topic].attempts = _SUCCESSION_ATTEMPTS
        return ()

    def _stopping(self, data: Dict[str, Any]) -> Iterable[Item]:
        self._last_words = Error("no-daemon", f"the daemon stopped: {_text(data, 'reason')}")
        return ()

    def _failing(self, data: Dict[str, Any]) -> Iterator[Item]:
        topic = _text(data, "topic")
        if self.hears(topic):
            yield Failing(topic, _text(data, "error"), _number(data, "since"), _number(data, "failures"))

    def _recovered(self, data: Dict[str, Any]) -> Iterator[Item]:
        topic = _text(data, "topic")
        if self.hears(topic):
            yield Recovered(topic, _number(data, "failures"))

    def _wanted(self, data: Dict[str, Any]) -> Iterator[Item]:
        topic = _text(data, "topic")
        if topic in self._provided:
            self._provided[topic].wanted = True
            yield Wanted(topic, _text(data, "instance"), _number(data, "seq"))

    def _unwanted(self, data: Dict[str, Any]) -> Iterator[Item]:
        topic = _text(data, "topic")
        if topic in self._provided:
            self._provided[topic].wanted = False
            yield Unwanted(topic)

    # What the client says.

    def _say(self, kind: str, **data: Any) -> None:
        frame = encode({"type": kind, "data": data})
        self._check_size(frame)
        self.output += frame

    def _check_size(self, frame: bytes) -> None:
        if len(frame) - 1 > self._frame_bytes:
            limit = f"limit {self._frame_bytes} bytes (clients.frameBytes)"
            raise Error("too-large", f"the frame has {len(frame) - 1} bytes, {limit}")

    def _registration(self) -> bytes:
        data: Dict[str, Any] = {} if self._name is None else {"name": self._name}
        data["topics"] = list(self._patterns)
        if self._instance is not None and not self._refused:
            after: Dict[str, int] = {}
            instances: Dict[str, str] = {}
            data["resume"] = {"instance": self._instance, "instances": instances, "after": after}
            space = min(self._frame_bytes, _MOST_REGISTER_BYTES) - len(encode({"type": "chimed.register", "data": data}))
            for topic, (instance, seq) in self._positions.items():
                own = instance != self._instance
                name = len(_json(topic)) + 2  # Its colon and its comma.
                space -= name + len(str(seq)) + (name + len(_json(instance)) if own else 0)
                if space < 0 or len(after) + len(instances) >= _MOST_ENTRIES:
                    left_out = len(self._positions) - len(after)
                    logger.warning("%d topics begin with their latest message: too many to resume", left_out)
                    break
                after[topic] = seq
                if own:
                    instances[topic] = instance
        return encode({"type": "chimed.register", "data": data})


def matches(pattern: str, topic: str) -> bool:
    """True if the pattern matches the topic: `*` is one word, a last `>` one or more."""
    if "*" not in pattern and ">" not in pattern:
        return pattern == topic
    expected, words = pattern.split("."), topic.split(".")
    if expected[-1] == ">":
        expected = expected[:-1]
        if len(words) <= len(expected):
            return False
        words = words[: len(expected)]
    return len(expected) == len(words) and all(e in ("*", w) for e, w in zip(expected, words))


def _check_name(shape: "re.Pattern[str]", name: str, what: str) -> None:
    if len(name) > 255 or not shape.fullmatch(name) or name.split(".")[0] == "chimed":
        rule = "words of letters, digits, _ and -, joined by dots; names starting with chimed are reserved"
        raise Error("bad-request", f"{name!r} is not {what}: {rule}")


def _parts(topics: List[str], most_bytes: float) -> Iterator[List[str]]:
    """Splits a list into lists of which each fits into one frame."""
    part: List[str] = []
    size = 0
    for topic in topics:
        size += len(topic) + 3
        if part and (size > most_bytes - 100 or len(part) >= _MOST_ENTRIES):
            yield part
            part, size = [], len(topic) + 3
        part.append(topic)
    if part:
        yield part


def _json(text: str) -> bytes:
    return encode({"": text})[4:-2]


def _text(fields: Dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _seq(fields: Dict[str, Any]) -> int:
    """The number of a message; 0 if it cannot be one."""
    value = fields.get("seq")
    return value if type(value) is int and 1 <= value <= _HIGHEST_SEQ else 0


def _number(fields: Dict[str, Any], key: str) -> int:
    value = fields.get(key)
    return value if isinstance(value, int) else 0
