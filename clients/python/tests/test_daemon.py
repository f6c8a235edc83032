"""Both clients, against a real daemon."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any, Dict

import chimed

from .helpers import SOON, Daemon, Events, LoopClient

HERE = Path(__file__).parent.parent


daemon: Daemon


def setUpModule() -> None:
    global daemon
    topics: Dict[str, Any] = {
        "host.load": {"interval": "50ms", "host": "load"},
        "tick": {"interval": "20ms", "data": {"text": "ä\ud800"}},
    }
    for kind in ("blocking", "asyncio"):
        for name in ("first", "other", "restart", "crash", "slow"):
            topics[f"{kind}.{name}"] = {"publish": True}
        topics[f"{kind}.kept"] = {"publish": True, "history": 100}
        topics[f"{kind}.feed"] = {"provide": True}
    daemon = Daemon({"topics": topics})
    unittest.addModuleCleanup(daemon.remove)


class Cases:
    class Base(unittest.TestCase):
        make: Any
        kind: str
        """Each test has topics of its own, for each kind of client."""

        def setUp(self) -> None:
            self.events = Events()

        def connect(self, *patterns: str, **options: Any) -> Any:
            client = self.make(socket=daemon.socket, **options)
            self.addCleanup(client.close)
            if patterns:
                client.subscribe(*patterns)
            return client

        def test_publishes_gets_and_receives(self) -> None:
            topic = f"{self.kind}.first"
            client = self.connect(topic, name="test")
            self.assertIsNone(client.get(topic))
            data = {"ä": [2**53 - 1, 1.5, None, "\ud800"]}
            self.assertEqual(client.publish(topic, data), 1)
            message = next(client)
            self.assertEqual((message.topic, message.seq, message.data, message.missed), (topic, 1, data, 0))
            self.assertEqual(client.get(topic), message)
            for wrong, code in (("prise", "unknown-topic"), ("tick", "not-publishable")):
                with self.assertRaises(chimed.Error) as caught:
                    client.publish(wrong, 1)
                self.assertEqual(caught.exception.code, code)
            with self.assertRaises(chimed.Error) as caught:
                client.publish(topic, "x" * 2_000_000)
            self.assertEqual(caught.exception.code, "too-large")
            self.assertEqual(client.publish(topic, "x" * 1_000_000), 2)

        def test_receives_ticks_until_it_unsubscribes(self) -> None:
            client = self.connect("tick")
            first, *others = itertools.islice(client, 3)
            self.assertEqual(first.data, {"text": "ä\ud800"})
            self.assertEqual([message.seq - first.seq for message in others], [1, 2])
            client.unsubscribe("tick")
            topic = f"{self.kind}.other"
            client.subscribe(topic)
            client.publish(topic, 1)
            self.assertEqual(next(client).topic, topic)

        def test_says_that_a_topic_does_not_exist(self) -> None:
            with self.assertRaises(chimed.Error) as caught:
                next(self.connect("prise"))
            self.assertEqual(caught.exception.code, "unknown-topic")

        def test_counts_exactly_what_it_missed_while_the_daemon_restarted(self) -> None:
            # A link in place of the socket: without it, this client cannot connect, and the publisher can.
            link = daemon.folder.path / "link"
            link.symlink_to(daemon.socket)
            self.addCleanup(link.unlink)
            client = self.make(socket=link, on_event=self.events)
            self.addCleanup(client.close)
            topics = [f"{self.kind}.kept", f"{self.kind}.restart"]
            client.subscribe(*topics)
            publisher = self.connect()
            for topic in topics:
                self.assertEqual(publisher.publish(topic, "before"), 1)
                self.assertEqual(next(client).seq, 1)
            link.unlink()
            daemon.stop(signal.SIGTERM)
            self.assertEqual(self.events.next(chimed.Waiting).error.code, "no-daemon")
            daemon.start()
            for number in range(5):
                for topic in topics:
                    publisher.publish(topic, number)
            link.symlink_to(daemon.socket)
            while not self.events.next(chimed.Ready).resumed:
                pass  # The first connection had nothing to resume.
            received = [next(client) for _ in range(6)]
            for topic, expected in zip(topics, ([(seq, 0) for seq in range(2, 7)], [(6, 4)])):
                self.assertEqual([(each.seq, each.missed) for each in received if each.topic == topic], expected)

        def test_says_that_it_cannot_count_after_a_crash(self) -> None:
            topic = f"{self.kind}.crash"
            client = self.connect(topic, on_event=self.events)
            client.publish(topic, "before")
            before = next(client)
            daemon.stop(signal.SIGKILL)
            self.events.next(chimed.Waiting)
            daemon.start()
            self.events.next(chimed.Uncounted)
            self.assertFalse(self.events.next(chimed.Ready).resumed)
            client.publish(topic, "after")
            after = next(client)
            self.assertEqual((after.data, after.missed), ("after", 0))
            self.assertNotEqual(after.instance, before.instance)

        def test_counts_exactly_what_a_slow_program_missed(self) -> None:
            topic = f"{self.kind}.slow"
            client = self.connect(topic, buffer=10)
            for number in range(1, 501):
                client.publish(topic, number)
            received = list(itertools.islice(client, 11))
            total = 0
            for message in received:
                total += message.missed + 1
                self.assertEqual((message.seq, message.data), (total, total))
            self.assertEqual(total, 500)

        def test_provides_a_topic_also_after_a_crash_of_the_daemon(self) -> None:
            feed = f"{self.kind}.feed"
            provider = self.connect(on_event=self.events)
            provider.provide(feed)
            listening = Events()
            listener = self.connect(feed, on_event=listening)
            for how in (signal.SIGKILL, signal.SIGTERM):
                self.assertTrue(provider.wait_wanted(feed, SOON))
                self.assertTrue(provider.send(feed, how.name))
                self.assertEqual(next(listener).data, how.name)
                daemon.stop(how)
                self.assertEqual(self.events.next(chimed.Unwanted), chimed.Unwanted(feed))
                daemon.start()
            self.assertTrue(provider.wait_wanted(feed, SOON))
            provider.fail(feed, "broken")
            while listening.next(chimed.Failing).error != "broken":
                pass
            provider.fail(feed)
            listening.next(chimed.Recovered)
            second = self.connect()
            second.provide(feed)
            with self.assertRaises(chimed.Error) as caught:
                second.wait_wanted(feed, SOON)
            self.assertEqual(caught.exception.code, "already-provided")
            provider.unprovide(feed)
            self.assertEqual(listening.next(chimed.Failing).topic, feed)


class BlockingTest(Cases.Base):
    make = staticmethod(chimed.connect)
    kind = "blocking"


class AsyncioTest(Cases.Base):
    make = LoopClient
    kind = "asyncio"


class ExampleTest(unittest.TestCase):
    def test_the_dashboard_prints_samples(self) -> None:
        program = subprocess.Popen(
            [sys.executable, str(HERE / "examples" / "dashboard.py")],
            env={"CHIMED_SOCKET_PATH": str(daemon.socket), "PYTHONPATH": str(HERE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        assert program.stdout is not None
        with program.stdout as output:
            for _ in range(3):
                self.assertRegex(output.readline(), r"^host\.load \d+ \[[\d.]+, [\d.]+, [\d.]+\]$")
