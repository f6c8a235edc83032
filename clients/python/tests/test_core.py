from __future__ import annotations

import json
import unittest
from concurrent.futures import Future
from typing import Any, Dict, List, Optional, Union

from chimed import Error, Event, Failing, Message, Ready, Refused, Rejected, Uncounted, Unprovided, Unwanted, Wanted
from chimed._core import Core, matches


class Conversation:
    """A core, and the daemon's side of what it says."""

    def __init__(self, *patterns: str, name: Optional[str] = None) -> None:
        self.core = Core(name)
        self.core.subscribe(patterns)

    def said(self) -> List[Dict[str, Any]]:
        frames = bytes(self.core.output).split(b"\f")[:-1]
        self.core.output.clear()
        return [json.loads(frame) for frame in frames]

    def tell(self, kind: str, data: Any = None, **numbers: Any) -> List[Union[Event, Message]]:
        return self.core.take({"type": kind, "data": data, **numbers})

    def connect(self, instance: str = "one", **fields: Any) -> Dict[str, Any]:
        """Connects, answers the registration, and returns it."""
        self.core.connect()
        [registration] = self.said()
        assert registration["type"] == "chimed.register"
        self.greeting = self.tell("chimed.registered", {"client": 1, "instance": instance, "topics": [], **fields})
        data: Dict[str, Any] = registration["data"]
        return data

    def lose(self) -> List[Union[Event, Message]]:
        return self.core.lose(Error("connection-lost", "cut"))[1]

    def missed(self, topic: str, *seqs: int, **numbers: Any) -> List[Any]:
        """What is reported for messages with these numbers: how many were missed, or the event."""
        items = [item for seq in seqs for item in self.tell(topic, None, seq=seq, **numbers)]
        return [item.missed if isinstance(item, Message) else item for item in items]


class NumberingTest(unittest.TestCase):
    def test_reports_all_fields_of_a_message(self) -> None:
        talk = Conversation("a")
        talk.connect()
        [message] = talk.tell("a", {"x": 2**63}, seq=2**53 - 1, time=5, offset=2**53 - 1, stale=True, new=1)
        self.assertEqual(message, Message("a", 2**53 - 1, 5, {"x": 2**63}, 0, "one", 2**53 - 1, True))
        [plain] = talk.tell("a", 1, seq=7, instance="own")[1:]
        self.assertEqual(plain, Message("a", 7, 0, 1, 0, "own", None, False))

    def test_counts_gaps_and_drops_duplicates_for_each_topic(self) -> None:
        talk = Conversation("a", "b")
        talk.connect()
        self.assertEqual(talk.missed("a", 5, 6, 6, 5, 9), [0, 0, 2])
        self.assertEqual(talk.missed("b", 1, 3), [0, 1])

    def test_forgets_the_number_when_a_topic_begins_another_numbering(self) -> None:
        talk = Conversation("a")
        talk.connect()
        self.assertEqual(talk.missed("a", 9), [0])
        self.assertEqual(talk.missed("a", 2, 4, instance="own"), [Uncounted("a"), 0, 1])
        self.assertEqual(talk.missed("a", 10), [Uncounted("a"), 0])

    def test_forgets_the_numbers_of_a_daemon_that_is_gone_but_not_those_of_others(self) -> None:
        talk = Conversation("a", "b")
        talk.connect("one")
        talk.missed("a", 9)
        talk.missed("b", 9, instance="own")
        talk.lose()
        self.assertEqual(talk.connect("two")["resume"], {"instance": "one", "after": {"a": 9, "b": 9}, "instances": {"b": "own"}})
        self.assertEqual(talk.greeting, [Uncounted(), Ready(1, "two", resumed=False)])
        self.assertEqual(talk.missed("a", 1), [0])
        self.assertEqual(talk.missed("b", 12, instance="own"), [2])
        talk.lose()
        talk.connect("two")
        self.assertEqual(talk.greeting, [Ready(1, "two", resumed=True)])

    def test_says_when_the_daemon_cannot_count(self) -> None:
        talk = Conversation("a")
        talk.connect("one", uncounted=True)
        self.assertEqual(talk.greeting[0], Uncounted())

    def test_ignores_what_it_does_not_know(self) -> None:
        talk = Conversation("a")
        self.assertEqual(talk.tell("a", 1, seq=1), [])
        talk.connect()
        nonsense: List[Any] = [None, 1, [], {}, {"topic": 1}, {"id": []}, {"id": 77}, {"code": 1, "error": {}}]
        for data in nonsense:
            for kind in ("news", "published", "got", "failing", "recovered", "wanted", "unwanted", "rejected"):
                self.assertEqual(talk.tell(f"chimed.{kind}", data), [], (kind, data))
        self.assertEqual(talk.tell("a", 1), [])
        self.assertEqual(talk.tell("other", 1, seq=1), [])
        self.assertEqual(talk.missed("a", 1), [0])


class RegistrationTest(unittest.TestCase):
    def test_begins_with_name_and_patterns_and_nothing_to_resume(self) -> None:
        self.assertEqual(Conversation("a", "b.>", name="n").connect(), {"name": "n", "topics": ["a", "b.>"]})
        self.assertEqual(Conversation().connect(), {"topics": []})

    def test_sends_what_changes(self) -> None:
        talk = Conversation("a")
        talk.core.connect()
        talk.said()
        talk.core.subscribe(["a", "b", "b"])
        talk.core.unsubscribe(["a", "c"])
        talk.core.unsubscribe(["c"])
        self.assertEqual(
            talk.said(),
            [
                {"type": "chimed.register", "data": {"topics": ["b"]}},
                {"type": "chimed.unregister", "data": {"topics": ["a"]}},
            ],
        )

    def test_drops_and_forgets_what_it_unsubscribed_from(self) -> None:
        talk = Conversation("a.*", "a.b")
        talk.connect()
        talk.missed("a.b", 1)
        talk.missed("a.c", 1)
        talk.core.unsubscribe(["a.*"])
        self.assertEqual(talk.missed("a.c", 2), [])
        self.assertEqual(talk.missed("a.b", 3), [1])
        talk.core.subscribe(["a.c"])
        self.assertEqual(talk.missed("a.c", 9), [0])
        talk.lose()
        self.assertEqual(talk.connect()["resume"]["after"], {"a.b": 3, "a.c": 9})

    def test_resumes_as_many_topics_as_fit_into_a_frame(self) -> None:
        talk = Conversation(">")
        talk.connect(limits={"frameBytes": 400})
        for number in range(100):
            talk.missed(f"topic{number}", 10 ** (number % 15), instance="own" if number % 2 else "one")
        talk.lose()
        with self.assertLogs("chimed", "WARNING"):
            talk.core.connect()
        self.assertLessEqual(len(talk.core.output) - 1, 400)
        self.assertGreater(len(talk.core.output), 300)
        [registration] = talk.said()
        self.assertEqual(registration["data"]["resume"]["after"]["topic1"], 10)
        talk.tell("chimed.registered", {"client": 1, "instance": "one"})
        self.assertEqual(talk.missed("topic99", 10**9 + 3, instance="own"), [2])

    def test_no_longer_registers_for_a_pattern_that_is_refused(self) -> None:
        talk = Conversation("a", "b")
        talk.connect()
        refused = talk.tell("chimed.rejected", {"code": "unknown-topic", "message": "m", "request": "chimed.register", "topic": "a"})
        self.assertEqual(refused, [Refused("a", "unknown-topic", "m")])
        self.assertIsNone(talk.core.refusal)
        talk.tell("chimed.rejected", {"code": "not-allowed", "message": "m", "request": "chimed.register", "topic": "b"})
        self.assertEqual(talk.core.refusal and talk.core.refusal.code, "not-allowed")
        talk.lose()
        self.assertEqual(talk.connect()["topics"], [])

    def test_checks_names_and_patterns(self) -> None:
        core = Core()
        core.subscribe([">", "*", "a.*.>", "a.b-c_D", "x" * 255])
        for bad in ("", "a..b", ".a", "a.", "a.>.b", ">.a", "a b", "ä", "a*", "chimed", "chimed.x", "x" * 256, "a\n"):
            with self.subTest(bad=bad), self.assertRaises(Error) as caught:
                core.subscribe([bad])
            self.assertEqual(caught.exception.code, "bad-request")
        for bad in ("*", "a.>"):
            with self.assertRaises(Error):
                core.provide(bad)
        for bad in ("x" * 101, "a\n", "\x9f"):
            with self.assertRaises(Error):
                Core(bad)

    def test_matches_as_the_daemon_does(self) -> None:
        for pattern, topic, expected in [
            ("a", "a", True),
            ("a", "a.b", False),
            (">", "a.b", True),
            ("a.>", "a", False),
            ("a.>", "a.b.c", True),
            ("a.>", "b.c", False),
            ("*", "a", True),
            ("*", "a.b", False),
            ("*.b", "a.b", True),
            ("*.b", "a.c", False),
            ("a.*.>", "a.b", False),
            ("a.*.>", "a.b.c", True),
        ]:
            self.assertEqual(matches(pattern, topic), expected, (pattern, topic))


class RequestTest(unittest.TestCase):
    def setUp(self) -> None:
        self.talk = Conversation()
        self.answer: Future[Dict[str, Any]] = Future()

    def failure(self) -> str:
        error = self.answer.exception(0)
        assert isinstance(error, Error)
        return error.code

    def test_waits_for_a_daemon_and_matches_the_answer_by_its_id(self) -> None:
        id = self.talk.core.publish("a", None, self.answer)
        self.talk.connect()
        self.assertEqual(self.talk.said(), [{"type": "chimed.publish", "data": {"topic": "a", "data": None, "id": id}}])
        self.talk.tell("chimed.published", {"id": id + 1, "seq": 1})
        self.assertFalse(self.answer.done())
        self.talk.tell("chimed.published", {"id": id, "seq": 2})
        self.assertEqual(self.answer.result(0)["seq"], 2)

    def test_fails_with_the_code_of_the_daemon_but_not_for_a_warning(self) -> None:
        self.talk.connect()
        id = self.talk.core.publish("a", 1, self.answer)
        rejection = {"message": "m", "request": "chimed.publish", "id": id}
        with self.assertLogs("chimed", "WARNING"):
            self.talk.tell("chimed.rejected", {"code": "too-fast", **rejection})
        self.assertFalse(self.answer.done())
        self.talk.tell("chimed.rejected", {"code": "unknown-topic", **rejection})
        self.assertEqual(self.failure(), "unknown-topic")

    def test_fails_if_its_connection_ends_and_is_not_sent_again(self) -> None:
        self.talk.connect()
        self.talk.core.publish("a", 1, self.answer)
        self.talk.said()
        self.talk.lose()
        self.assertEqual(self.failure(), "connection-lost")
        self.talk.connect()
        self.assertEqual(self.talk.said(), [])

    def test_does_not_send_what_is_too_large_or_has_timed_out(self) -> None:
        id = self.talk.core.publish("a", 1, Future())
        self.talk.core.publish("a", "x" * 1000, self.answer)
        self.talk.core.forget(id)
        self.talk.connect(limits={"frameBytes": 500})
        self.assertEqual(self.failure(), "too-large")
        self.assertEqual(self.talk.said(), [])

    def test_fails_when_the_client_is_closed(self) -> None:
        self.talk.core.publish("a", 1, self.answer)
        self.talk.core.close(Error("closed", "closed"))
        self.assertEqual(self.failure(), "closed")

    def test_reports_what_the_daemon_said_before_the_connection_ended(self) -> None:
        self.talk.connect()
        self.talk.tell("chimed.rejected", {"code": "stalled", "message": "m"})
        self.assertEqual(self.talk.core.lose(Error("connection-lost", ""))[0].code, "stalled")
        self.assertEqual(self.talk.core.lose(Error("connection-lost", ""))[0].code, "connection-lost")


class ProvideTest(unittest.TestCase):
    def setUp(self) -> None:
        self.talk = Conversation()

    def rejected(self, topic: Optional[str], request: str = "chimed.provide") -> List[Any]:
        fields = {} if topic is None else {"topic": topic}
        return self.talk.tell("chimed.rejected", {"code": "c", "message": "m", "request": request, **fields})

    def test_provides_again_after_each_reconnection_and_repeats_a_failure(self) -> None:
        core = self.talk.core
        core.provide("a")
        core.provide("b")
        self.assertFalse(core.send("a", 1))
        self.assertFalse(core.fail("b", "broken"))
        for id in (1, 2):
            self.talk.connect()
            self.assertEqual(
                self.talk.said(),
                [
                    {"type": "chimed.provide", "data": {"topics": ["a", "b"], "id": id}},
                    {"type": "chimed.fail", "data": {"topic": "b", "error": "broken"}},
                ],
            )
            self.talk.lose()
        self.talk.connect()
        self.talk.said()
        self.assertTrue(core.send("b", [1]))
        core.unprovide("a")
        self.assertEqual(
            self.talk.said(),
            [{"type": "b", "data": [1]}, {"type": "chimed.unprovide", "data": {"topics": ["a"]}}],
        )
        self.talk.lose()
        self.talk.connect()
        self.assertEqual(self.talk.said(), [{"type": "chimed.provide", "data": {"topics": ["b"], "id": 4}}])

    def test_knows_whether_a_topic_is_wanted(self) -> None:
        self.talk.core.provide("a")
        self.talk.connect()
        wanted = self.talk.tell("chimed.wanted", {"topic": "a", "instance": "i", "seq": 3})
        self.assertEqual(wanted, [Wanted("a", "i", 3)])
        self.assertTrue(self.talk.core.wants("a"))
        self.assertEqual(self.talk.lose(), [Unwanted("a")])
        self.assertEqual(self.talk.lose(), [])
        self.assertFalse(self.talk.core.wants("a"))

    def test_reports_refusals(self) -> None:
        for topic in ("a", "b", "c"):
            self.talk.core.provide(topic)
        self.talk.connect()
        self.assertEqual(self.rejected("b", request="b"), [Rejected("b", "c", "m")])
        self.assertEqual(self.rejected("a"), [Unprovided("a", "c", "m")])
        with self.assertRaises(Error) as caught:
            self.talk.core.send("a", 1)
        self.assertEqual(caught.exception.code, "c")
        self.assertEqual(self.rejected(None), [Unprovided("b", "c", "m"), Unprovided("c", "c", "m")])
        with self.assertRaises(Error) as caught:
            self.talk.core.send("d", 1)
        self.assertEqual(caught.exception.code, "not-provided")

    def test_splits_a_long_list_of_topics(self) -> None:
        topics = [f"topic{number}" for number in range(100)]
        for topic in topics:
            self.talk.core.provide(topic)
        self.talk.connect(limits={"frameBytes": 300})
        said = self.talk.said()
        self.assertGreater(len(said), 2)
        self.assertEqual([topic for frame in said for topic in frame["data"]["topics"]], topics)

    def test_sends_no_more_than_a_daemon_reads(self) -> None:
        self.talk.core.provide("a")
        self.talk.connect()
        while self.talk.core.send("a", "x" * 100_000):
            self.assertLess(len(self.talk.core.output), 2_000_000)
        self.assertGreater(len(self.talk.core.output), 1_000_000)
        self.talk.said()
        self.assertTrue(self.talk.core.send("a", 1))


class SourceTest(unittest.TestCase):
    def test_reports_sources_of_its_topics_only(self) -> None:
        talk = Conversation("a")
        talk.connect()
        failing = {"error": "e", "since": 5, "failures": 1}
        self.assertEqual(talk.tell("chimed.failing", {"topic": "a", **failing}), [Failing("a", "e", 5, 1)])
        self.assertEqual(talk.tell("chimed.failing", {"topic": "b", **failing}), [])
