import errno
import os
import socket
import unittest
from typing import Dict, List, Tuple
from unittest import mock

from chimed import Error
from chimed._link import longest_delay
from chimed._places import SYSTEM_PLACES, dial, dial_first, is_foreign, places

from .helpers import Folder


class PlacesTest(unittest.TestCase):
    def test_lists_the_places_in_their_order(self) -> None:
        user = "/run/user/7/chimed/chimed.sock"
        cases: List[Tuple[Dict[str, str], int, List[str]]] = [
            ({"CHIMED_SOCKET_PATH": "/a", "XDG_RUNTIME_DIR": "/x"}, 7, ["/a"]),
            ({"CHIMED_SOCKET_PATH": "/a"}, 0, ["/a"]),
            ({"XDG_RUNTIME_DIR": "/x", "TMPDIR": "/t"}, 0, [*SYSTEM_PLACES]),
            ({}, 7, [user, "/tmp/chimed-7/chimed.sock", *SYSTEM_PLACES]),
            (
                {"CHIMED_SOCKET_PATH": "", "XDG_RUNTIME_DIR": "/x", "TMPDIR": "/t/"},
                7,
                ["/x/chimed/chimed.sock", user, "/t/chimed-7/chimed.sock", *SYSTEM_PLACES],
            ),
            ({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, [user, "/tmp/chimed-7/chimed.sock", *SYSTEM_PLACES]),
        ]
        for environment, uid, expected in cases:
            with self.subTest(environment=environment, uid=uid):
                self.assertEqual(places(environment, uid), expected)


class DialTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = Folder()
        self.addCleanup(folder.remove)
        self.folder = folder.path

    def test_knows_a_directory_that_is_not_safe(self) -> None:
        uid = os.getuid()
        safe = self.folder / "safe"
        safe.mkdir(0o755)
        (self.folder / "link").symlink_to(safe)
        (self.folder / "file").touch()
        for name, mode in (("group", 0o770), ("others", 0o707)):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(mode)
        for name, expected in [
            ("safe", False),
            ("absent", False),
            ("link", True),
            ("file", True),
            ("group", True),
            ("others", True),
        ]:
            self.assertEqual(is_foreign(str(self.folder / name), uid), expected, name)
        self.assertTrue(is_foreign(str(safe), uid + 1))

    def test_uses_the_first_place_that_accepts_and_is_safe(self) -> None:
        paths = []
        for name in ("unsafe", "stale", "good"):
            (self.folder / name).mkdir(0o700)
            paths.append(str(self.folder / name / "s"))
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(paths[-1])
            if name != "stale":
                listener.listen()
        (self.folder / "unsafe").chmod(0o777)
        with dial_first(paths, guarded=[str(self.folder / "unsafe")]) as connection:
            self.assertEqual(connection.getpeername(), paths[2])

    def test_says_what_it_tried(self) -> None:
        (self.folder / "file").touch()
        (self.folder / "long").mkdir()
        paths = [str(self.folder / name) for name in ("absent", "file", "x" * 200, "x\0")]
        with self.assertRaises(Error) as caught:
            dial_first(paths)
        self.assertEqual(caught.exception.code, "no-daemon")
        for part in (f"{paths[0]} (no such file)", f"{paths[1]} (no program listens)", "too long"):
            self.assertIn(part, str(caught.exception))

    def test_fails_and_can_be_tried_again_when_there_is_no_descriptor_left(self) -> None:
        with mock.patch("socket.socket", side_effect=OSError(errno.EMFILE, "too many open files")):
            with self.assertRaisesRegex(Error, "too many open files"):
                dial(str(self.folder / "s"))

    def test_does_not_wait_where_too_many_connections_wait(self) -> None:
        path = str(self.folder / "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(0)
            with self.assertRaises(Error) as caught:
                for _ in range(10):
                    self.addCleanup(dial(path).close)
        self.assertEqual(caught.exception.code, "busy")

    def test_uses_the_path_in_the_environment_and_no_other(self) -> None:
        with mock.patch.dict(os.environ, CHIMED_SOCKET_PATH=str(self.folder / "absent")):
            with self.assertRaisesRegex(Error, r"tried [^,]*/absent \(no such file\); is"):
                dial()


class DelayTest(unittest.TestCase):
    def test_doubles_up_to_its_bound(self) -> None:
        delays = [longest_delay(failures, 0.1, 5.0) for failures in (1, 2, 3, 6, 7, 10_000)]
        self.assertEqual(delays, [0.1, 0.2, 0.4, 3.2, 5.0, 5.0])
