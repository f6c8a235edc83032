"""Both clients, against a peer that says what a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
import unittest
from typing import Any, Callable, Dict, List, Optional
from unittest import mock

import chimed
import chimed.aio

from .helpers import SOON, Events, LoopClient, Server


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Starts to work; returns a function that waits for the result, or raises the error."""
    results: List[Any] = []
    errors: List[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Any:
        thread.join(SOON)
        assert not thread.is_alive(), "it did not end"
        if errors:
            raise errors[0]
        return results[0]

    return wait


class Cases:
    class Base(unittest.TestCase):
        make: Any

        def setUp(self) -> None:
            self.server = Server()
            self.addCleanup(self.server.remove)
            self.events = Events()

        def connect(self, *patterns: str, **options: Any) -> Any:
            client = self.make(socket=self.server.folder.socket, on_event=self.events, **options)
            self.addCleanup(client.close)
            if patterns:
                client.subscribe(*patterns)
            return client

        def ready(self, **options: Any) -> Any:
            """A client that a peer has registered. The peer is `self.peer`."""
            client = self.connect(**options)
            self.peer = self.server.accept()
            self.peer.register()
            self.events.next(chimed.Ready)
            return client

        def assertFails(self, code: str, work: Callable[[], Any]) -> None:
            with self.assertRaises(chimed.Error) as caught:
                work()
            self.assertEqual(caught.exception.code, code)

        def test_receives_messages_until_it_is_closed(self) -> None:
            client = self.ready()
            client.subscribe("a")
            self.assertEqual(self.peer.register(), {"topics": ["a"]})
            for seq in (1, 2, 5):
                self.peer.say("a", seq, seq=seq, time=7)
            received = [(message.data, message.missed) for message in itertools.islice(client, 3)]
            self.assertEqual(received, [(1, 0), (2, 0), (5, 2)])
            waiting = in_thread(lambda: list(client))
            client.close()
            self.assertEqual(waiting(), [])

        def test_waits_no_longer_than_it_should_for_a_message(self) -> None:
            client = self.ready()
            self.assertIsNone(client.receive(0.01))

        def test_raises_the_refusal_of_its_last_pattern(self) -> None:
            client = self.ready()
            client.subscribe("a", "b")
            self.peer.register()
            for topic in ("a", "b"):
                self.peer.say(
                    "chimed.rejected",
                    {"code": "not-allowed", "message": topic, "request": "chimed.register", "topic": topic},
                )
            with self.assertRaisesRegex(chimed.Error, r"^b \(not-allowed\)$"):
                next(client)
            client.subscribe("a")
            self.peer.register()
            self.peer.say("a", None, seq=1)
            self.assertEqual(next(client).seq, 1)

        def test_drops_what_waits_of_a_topic_that_it_unsubscribes_from(self) -> None:
            client = self.ready()
            client.subscribe("a", "b")
            self.peer.register()
            self.peer.say("a", None, seq=1)
            self.peer.say("b", None, seq=1)
            self.peer.say("chimed.failing", {"topic": "b", "error": "e"})
            self.events.next(chimed.Failing)  # Both messages have arrived.
            client.unsubscribe("a")
            self.assertEqual(next(client).topic, "b")

        def test_answers_requests_in_any_order_while_no_loop_runs(self) -> None:
            client = self.ready(buffer=10)
            client.subscribe("a")
            self.peer.register()
            published = in_thread(lambda: client.publish("p", [None]))
            asked = self.peer.frame("chimed.publish")
            self.assertEqual((asked["topic"], asked["data"]), ("p", [None]))
            got = in_thread(lambda: client.get("g"))
            empty = self.peer.frame("chimed.get")
            for seq in range(1, 1001):
                self.peer.say("a", "x" * 1000, seq=seq)
            self.peer.say("chimed.got", {"id": empty["id"], "topic": "g"})
            self.peer.say("chimed.published", {"id": asked["id"], "topic": "p", "seq": 7})
            self.assertEqual(published(), 7)
            self.assertIsNone(got())
            received = [message for message in itertools.islice(client, 11)]
            self.assertEqual(sum(message.missed + 1 for message in received), 1000)
            self.assertEqual(received[-1].seq, 1000)

        def test_gets_the_last_message(self) -> None:
            client = self.ready()
            got = in_thread(lambda: client.get("g"))
            id = self.peer.frame("chimed.get")["id"]
            self.peer.say("chimed.got", {"id": id, "topic": "g", "seq": 3, "time": 5, "data": None, "stale": True})
            self.assertEqual(got(), chimed.Message("g", 3, 5, None, 0, "one", None, True))

        def test_fails_a_request_that_nobody_answers(self) -> None:
            client = self.ready(timeout=0.05)
            self.assertFails("timeout", lambda: client.publish("a", 1))

        def test_says_why_there_is_no_daemon(self) -> None:
            client = self.make(socket=self.server.folder.path / "absent", timeout=0.05)
            self.addCleanup(client.close)
            with self.assertRaisesRegex(chimed.Error, r"no answer within 0.05 s: no daemon found, tried .*\(timeout\)"):
                client.get("a")

        def test_fails_requests_when_the_connection_ends_or_it_is_closed(self) -> None:
            client = self.ready()
            published = in_thread(lambda: client.publish("a", 1))
            self.peer.frame("chimed.publish")
            self.peer.close()
            self.assertFails("connection-lost", published)
            waiting = in_thread(lambda: client.publish("a", 1))
            self.assertEqual(self.events.next(chimed.Waiting).error.code, "connection-lost")
            again = self.server.accept()
            again.register()
            again.frame("chimed.publish")
            client.close()
            self.assertFails("closed", waiting)
            for call in (
                lambda: client.publish("a", 1),
                lambda: client.get("a"),
                lambda: client.subscribe("a"),
                lambda: client.send("a", 1),
                lambda: client.receive(SOON),
            ):
                self.assertFails("closed", call)

        def test_reconnects_after_what_is_not_a_frame(self) -> None:
            self.connect()
            for nonsense in (b"HTTP/1.1 400 Bad Request\r\n\f", b'{"type":"chimed.registered","data":{}}\f'):
                peer = self.server.accept()
                peer.frame("chimed.register")
                peer.connection.sendall(nonsense)
                self.assertIn(self.events.next(chimed.Waiting).error.code, ("not-json", "bad-type"))
                self.assertEqual(peer.connection.recv(1), b"")

        def test_gives_up_a_server_that_does_not_answer_the_registration(self) -> None:
            self.connect(timeout=0.05)
            peer = self.server.accept()
            self.assertEqual(self.events.next(chimed.Waiting).error.code, "timeout")
            peer.frame("chimed.register")
            self.server.accept().register()
            self.events.next(chimed.Ready)

        def test_reports_why_the_daemon_refused_the_connection(self) -> None:
            # The registration can fail, since nobody reads it; what the daemon said can be read all the same.
            self.connect("a", name="n", retry_min=0.001, retry_max=0.001)
            for _ in range(20):
                peer = self.server.accept()
                peer.say("chimed.rejected", {"code": "too-many-connections", "message": "m"})
                peer.close()
                self.assertEqual(self.events.next(chimed.Waiting).error.code, "too-many-connections")

        def test_doubles_the_bound_of_its_delay_until_it_is_registered(self) -> None:
            with mock.patch("random.uniform", return_value=0.0) as uniform:
                self.connect()
                for registers in (False, False, True, False):
                    peer = self.server.accept()
                    if registers:
                        peer.register()
                        self.events.next(chimed.Ready)
                    peer.close()
                    self.events.next(chimed.Waiting)
            self.assertEqual([call.args for call in uniform.mock_calls], [(0, 0.1), (0, 0.2), (0, 0.1), (0, 0.2)])

        def test_closes_at_once_although_the_daemon_does_not_read(self) -> None:
            client = self.ready()
            client.provide("a")
            while client.send("a", "x" * 100_000):
                pass
            begun = time.monotonic()
            client.close()
            self.assertLess(time.monotonic() - begun, 1)

        def test_sends_the_rest_once_the_daemon_reads(self) -> None:
            client = self.ready()
            client.provide("a")
            sent = 0
            while client.send("a", "x" * 100_000):
                sent += 1
            self.assertGreater(sent, 10)
            self.peer.frame("chimed.provide")
            size = len('{"type":"a","data":""}\f') + 100_000
            self.assertEqual(len(self.peer.stream.read(sent * size)), sent * size)
            self.assertTrue(client.send("a", 1))

        def test_waits_until_a_topic_is_wanted(self) -> None:
            client = self.ready()
            client.provide("a")
            client.provide("b")
            self.assertFalse(client.wait_wanted("a", 0.01))
            wanted = in_thread(lambda: client.wait_wanted("a", SOON))
            refused = in_thread(lambda: client.wait_wanted("b", SOON))
            self.peer.say("chimed.wanted", {"topic": "a", "instance": "i", "seq": 1})
            self.assertTrue(wanted())
            rejection = {"code": "already-provided", "message": "m", "request": "chimed.provide", "topic": "b"}
            self.peer.say("chimed.rejected", rejection)
            self.assertFails("already-provided", refused)
            self.peer.close()
            self.events.next(chimed.Unwanted)
            self.assertFalse(client.wait_wanted("a", 0.01))

        def test_survives_an_exception_of_on_event(self) -> None:
            def on_event(event: chimed.Event) -> None:
                self.events(event)
                raise ValueError("a mistake")

            client = self.make(socket=self.server.folder.socket, on_event=on_event)
            self.addCleanup(client.close)
            with self.assertLogs("chimed", "ERROR"):
                self.server.accept().register()
                self.events.next(chimed.Ready)
                client.close()

        def test_logs_the_first_failure_as_a_warning(self) -> None:
            with self.assertLogs("chimed", "DEBUG") as logs:
                self.ready()
                self.peer.close()
                self.events.next(chimed.Waiting)
                self.server.accept().close()
                self.events.next(chimed.Waiting)
            levels = [record.levelname for record in logs.records]
            self.assertEqual(levels, ["INFO", "WARNING", "DEBUG"])
            self.assertRegex(logs.records[1].getMessage(), r"^the daemon closed .*; retrying in 0\.\d\d s$")

        def test_checks_its_options(self) -> None:
            wrong: List[Dict[str, Any]] = [{"timeout": 0}, {"retry_min": 6}, {"retry_min": 0}, {"name": "\n"}]
            for options in wrong:
                with self.subTest(options=options), self.assertRaises(chimed.Error):
                    self.connect(**options)


class BlockingTest(Cases.Base):
    make = staticmethod(chimed.connect)

    def test_loses_nothing_of_a_burst_while_its_loop_runs(self) -> None:
        client = self.ready(buffer=10)
        client.subscribe("a")
        self.peer.register()
        frames = b"".join(b'{"type":"a","data":1,"seq":%d}\f' % seq for seq in range(1, 5001))
        with mock.patch("chimed._blocking._LONGEST_PAUSE", SOON):
            sent = in_thread(lambda: self.peer.connection.sendall(frames))
            received = [(message.seq, message.missed) for message in itertools.islice(client, 5000)]
        sent()
        self.assertEqual(received, [(seq, 0) for seq in range(1, 5001)])

    def test_pauses_once_for_a_loop_that_is_slow(self) -> None:
        client = self.ready(buffer=10)
        client.subscribe("a")
        self.peer.register()
        with mock.patch("chimed._blocking._LONGEST_PAUSE", 0.01):
            for seq in range(1, 1001):
                self.peer.say("a", None, seq=seq)
            published = in_thread(lambda: client.publish("p", None))
            id = self.peer.frame("chimed.publish")["id"]
            self.peer.say("chimed.published", {"id": id, "seq": 1})
            begun = time.monotonic()
            self.assertEqual(published(), 1)
        self.assertLess(time.monotonic() - begun, 5)  # Ten seconds, if it paused for each message.
        received = [message.missed for message in itertools.islice(client, 11)]
        self.assertEqual(sum(received) + len(received), 1000)

    def test_ends_its_thread_when_it_is_closed(self) -> None:
        threads = threading.active_count()
        with self.connect():
            self.assertEqual(threading.active_count(), threads + 1)
        self.assertEqual(threading.active_count(), threads)

    def test_can_be_used_within_on_event_but_not_wait_there(self) -> None:
        caught: List[Optional[str]] = []

        def on_event(event: chimed.Event) -> None:
            client.subscribe("a")
            try:
                client.get("a")
            except RuntimeError as error:
                caught.append(str(error))
            client.close()
            self.events(event)

        client = chimed.connect(socket=self.server.folder.socket, on_event=on_event)
        self.addCleanup(client.close)
        peer = self.server.accept()
        peer.register()
        self.events.next(chimed.Ready)
        self.assertEqual(peer.frame("chimed.register"), {"topics": ["a"]})
        self.assertEqual(len(caught), 1)


class AsyncioTest(Cases.Base):
    make = LoopClient

    def test_loses_no_message_when_a_wait_is_cancelled(self) -> None:
        async def run() -> List[int]:
            async with chimed.aio.connect(socket=self.server.folder.socket) as client:
                client.subscribe("a")
                peer = await asyncio.to_thread(self.server.accept)
                await asyncio.to_thread(peer.register)
                received: List[int] = []
                for seq in range(1, 21):
                    peer.say("a", None, seq=seq)
                while len(received) < 20:
                    taking = asyncio.ensure_future(client.receive())
                    await asyncio.sleep(0)
                    taking.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        received.append((await taking).seq)
                return received

        self.assertEqual(asyncio.run(asyncio.wait_for(run(), SOON)), [*range(1, 21)])

    def test_does_not_send_a_request_that_was_cancelled_before_there_was_a_daemon(self) -> None:
        async def run() -> None:
            async with chimed.aio.connect(socket=self.server.folder.socket) as client:
                asking = [asyncio.ensure_future(client.publish("a", number)) for number in (1, 2)]
                peer = await asyncio.to_thread(self.server.accept)
                asking[0].cancel()
                await asyncio.to_thread(peer.register)
                asked = await asyncio.to_thread(peer.frame, "chimed.publish")
                self.assertEqual(asked["data"], 2)
                peer.say("chimed.published", {"id": asked["id"], "seq": 1})
                self.assertEqual(await asking[1], 1)

        asyncio.run(asyncio.wait_for(run(), SOON))
