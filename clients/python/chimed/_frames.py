"""Frames: one JSON object in UTF-8 each, terminated by a form feed."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, NoReturn, Union

from ._messages import Error

FORM_FEED = b"\f"

LONGEST_FRAME = 64 * 1024 * 1024 + 4096
"""Bytes of the longest frame that a daemon sends."""

MOST_LEVELS = 66
MOST_VALUES = 50_000
"""What a daemon accepts in one frame."""

Frame = Dict[str, Any]


class FrameReader:
    """Cuts what one connection delivers into frames, and stores no more of an incomplete one than `longest` bytes."""

    def __init__(self, longest: int = LONGEST_FRAME) -> None:
        self._longest = longest
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Union[bytes, bytearray]]:
        """Yields the frames that end in this chunk. Raises `too-large`; the connection must end then."""
        *ends, rest = chunk.split(FORM_FEED)
        for piece in ends:
            self._check(piece)
            if not self._rest:
                yield piece
                continue
            self._rest += piece
            frame, self._rest = self._rest, bytearray()
            yield frame
        self._check(rest)
        self._rest += rest

    def _check(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > self._longest:
            raise Error("too-large", f"the daemon sent a frame of more than {self._longest} bytes")


def decode(frame: Union[bytes, bytearray]) -> Frame:
    """Parses one frame. Raises `not-json`, `not-an-object` or `bad-type` if it is none."""
    text = str(frame, "utf-8", "replace")
    try:
        value = _parse(text)
    except (ValueError, RecursionError) as error:
        raise Error("not-json", f"the server sent {_excerpt(text)}, which is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Error("not-an-object", f"the server sent {_excerpt(text)}, which is not a JSON object")
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        raise Error("bad-type", f"the server sent {_excerpt(text)}, which has no type")
    return value


def encode(frame: Frame) -> bytes:
    """The bytes of a frame. Raises `bad-request` for what JSON cannot represent, and `too-large`."""
    try:
        text = _compact.encode(frame)
        try:
            body = text.encode()
        except UnicodeEncodeError:  # A lone surrogate: JSON can escape it, UTF-8 cannot contain it.
            body = _ascii.encode(frame).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Error("bad-request", f"the data cannot be sent as JSON: {error}") from error
    _check_shape(text)
    return body + FORM_FEED


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _long_integer(digits: str) -> Union[int, float]:
    """Python refuses to parse integers of thousands of digits; JSON has no limit."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_patient = json.JSONDecoder(parse_constant=_no_constant, parse_int=_long_integer)
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":"))

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[\[{\]}]")


def _parse(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _patient.decode(text)


def _check_shape(text: str) -> None:
    """A daemon closes the connection on a frame that it would take too long to parse; so such a frame is not sent."""
    openings = text.count("[") + text.count("{")
    if openings <= MOST_LEVELS and text.count(",") + text.count(":") + openings < MOST_VALUES:
        return
    bare = _STRING.sub("", text)
    depth = levels = 0
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in "[{" else -1
        levels = max(levels, depth)
    if levels > MOST_LEVELS:
        raise Error("too-large", f"the frame nests {levels} levels, limit {MOST_LEVELS}")
    values = 1 + sum(map(bare.count, ",:[{"))
    if values > MOST_VALUES:
        raise Error("too-large", f"the frame contains {values} values, limit {MOST_VALUES}")


def _excerpt(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")
