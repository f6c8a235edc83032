import tracemalloc
import unittest
from typing import Any, List

from chimed import Error
from chimed._frames import FrameReader, decode, encode


def frames(*chunks: bytes, longest: int = 1000) -> List[bytes]:
    reader = FrameReader(longest)
    return [bytes(frame) for chunk in chunks for frame in reader.feed(chunk)]


class FrameReaderTest(unittest.TestCase):
    def test_finds_the_same_frames_wherever_the_stream_is_cut(self) -> None:
        text = '{"type":"a","data":"ä€😀"}\f {"type":"b"}\f{"type":"c"'.encode()
        whole = frames(text)
        self.assertEqual(len(whole), 2)
        for at in range(len(text) + 1):
            self.assertEqual(frames(text[:at], text[at:]), whole, at)
        self.assertEqual(frames(*(text[at : at + 1] for at in range(len(text)))), whole)

    def test_accepts_a_frame_of_the_greatest_length_and_none_that_is_longer(self) -> None:
        self.assertEqual(frames(b"x" * 10 + b"\f", longest=10), [b"x" * 10])
        self.assertEqual(frames(b"x" * 9, b"x\f", longest=10), [b"x" * 10])
        for chunks in ([b"x" * 11], [b"x" * 11 + b"\f"], [b"x" * 10, b"x\f"], [b"x" * 10, b"x"]):
            with self.assertRaises(Error) as caught:
                frames(*chunks, longest=10)
            self.assertEqual(caught.exception.code, "too-large")

    def test_stores_a_large_frame_about_once(self) -> None:
        chunk = b"x" * 65536
        reader = FrameReader()
        tracemalloc.start()
        try:
            for _ in range(256):
                self.assertEqual(list(reader.feed(chunk)), [])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 2.5 * 256 * 65536)


class DecodeTest(unittest.TestCase):
    def test_reads_values_exactly(self) -> None:
        cases: List[Any] = [
            (b"9007199254740993", 9007199254740993),
            (b"-0.5e2", -50.0),
            (b'"\\ud800"', "\ud800"),
            (b'"\xff"', "\ufffd"),
            (b"[" * 64 + b"]" * 64, None),
            (b"9" * 5000, None),
            (b"1e999", float("inf")),
        ]
        for text, value in cases:
            with self.subTest(text=text[:20]):
                data = decode(b' \n{"data":' + text + b',"t\\u0079pe":"t"}')["data"]
                if value is not None:
                    self.assertEqual(data, value)

    def test_refuses_what_is_not_a_frame(self) -> None:
        for text, code in [
            (b"", "not-json"),
            (b"{", "not-json"),
            (b'{"type":"a"} {}', "not-json"),
            (b'{"type":"a","data":NaN}', "not-json"),
            (b'{"type":"a","data":-Infinity}', "not-json"),
            (b'{"type":"a","data":"\n"}', "not-json"),
            (b"[" * 100_000, "not-json"),
            (b"[]", "not-an-object"),
            (b"null", "not-an-object"),
            (b"{}", "bad-type"),
            (b'{"type":""}', "bad-type"),
            (b'{"type":1}', "bad-type"),
        ]:
            with self.subTest(text=text[:30]), self.assertRaises(Error) as caught:
                decode(text)
            self.assertEqual(caught.exception.code, code, text[:30])


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


class EncodeTest(unittest.TestCase):
    def test_writes_compact_json_and_a_form_feed(self) -> None:
        self.assertEqual(encode({"type": "t", "data": ["ä", "\f", 1]}), '{"type":"t","data":["ä","\\f",1]}\f'.encode())
        self.assertEqual(encode({"data": "ä\ud800"}), b'{"data":"\\u00e4\\ud800"}\f')

    def test_refuses_what_json_cannot_represent(self) -> None:
        loop: List[Any] = []
        loop.append(loop)
        for data in (float("nan"), float("inf"), {1, 2}, object(), b"bytes", loop, nested(100_000)):
            with self.subTest(kind=type(data)), self.assertRaises(Error) as caught:
                encode({"data": data})
            self.assertEqual(caught.exception.code, "bad-request")

    def test_refuses_a_frame_that_a_daemon_would_take_too_long_to_parse(self) -> None:
        brackets = "[{,:" * 20_000
        for data in (nested(65), [brackets, '"' + brackets], [0] * 49_995):
            encode({"type": "t", "data": data})
        for data in (nested(66), [brackets, nested(66)], [0] * 49_996):
            with self.assertRaises(Error) as caught:
                encode({"type": "t", "data": data})
            self.assertEqual(caught.exception.code, "too-large")
