import unittest
from typing import List, Tuple

from chimed import Message
from chimed._queue import MessageQueue


def message(topic: str, seq: int, missed: int = 0) -> Message:
    return Message(topic, seq, 0, None, missed, "one")


def drained(queue: MessageQueue) -> List[Tuple[str, int, int]]:
    found: List[Tuple[str, int, int]] = []
    while True:
        taken = queue.take()
        if taken is None:
            return found
        found.append((taken.topic, taken.seq, taken.missed))


class MessageQueueTest(unittest.TestCase):
    def test_gives_messages_in_their_order(self) -> None:
        queue = MessageQueue(10, 100)
        for seq in (1, 2, 5):
            queue.put(message("a", seq, missed=seq // 5 * 2), 1)
        self.assertEqual(drained(queue), [("a", 1, 0), ("a", 2, 0), ("a", 5, 2)])
        self.assertIsNone(queue.take())

    def test_drops_old_messages_but_the_next_one_and_counts_them(self) -> None:
        queue = MessageQueue(2, 100)
        for seq in range(1, 7):
            queue.put(message("a", seq), 1)
        queue.put(message("b", 1), 1)
        self.assertEqual(drained(queue), [("a", 1, 0), ("a", 6, 4), ("b", 1, 0)])

    def test_counts_what_a_dropped_message_had_missed(self) -> None:
        queue = MessageQueue(1, 100)
        for seq, missed in ((1, 0), (5, 3), (6, 0), (8, 1)):
            queue.put(message("a", seq, missed), 1)
        self.assertEqual(drained(queue), [("a", 1, 0), ("a", 8, 6)])

    def test_limits_bytes_but_keeps_the_newest_message_and_the_next(self) -> None:
        queue = MessageQueue(10, 100)
        for seq, size in ((1, 1000), (2, 60), (3, 60), (4, 1000)):
            queue.put(message("a", seq), size)
        self.assertEqual(drained(queue), [("a", 1, 0), ("a", 4, 2)])

    def test_forgets_topics_that_are_no_longer_kept(self) -> None:
        queue = MessageQueue(3, 100)
        for seq in range(1, 4):
            queue.put(message("a", seq), 1)
            queue.put(message("b", seq), 1)
        queue.keep(lambda topic: topic == "b")
        queue.put(message("a", 9), 1)
        self.assertEqual(drained(queue), [("b", 2, 1), ("b", 3, 0), ("a", 9, 0)])
