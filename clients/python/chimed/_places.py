"""Where a daemon listens."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import List, Mapping, Optional, Sequence

from ._messages import Error

SYSTEM_PLACES = ("/run/chimed/chimed.sock", "/run/chimed/daemon/chimed.sock")

_WRITE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_REASONS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.ECONNREFUSED: "no program listens",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTSOCK: "not a socket",
}


def places(environment: Mapping[str, str], uid: int) -> List[str]:
    """The paths at which a client looks for a daemon, in their order."""
    given = environment.get("CHIMED_SOCKET_PATH")
    if given:
        return [given]
    own = [] if uid == 0 else [os.path.join(each, "chimed.sock") for each in own_directories(environment, uid)]
    return list(dict.fromkeys([*own, *SYSTEM_PLACES]))


def own_directories(environment: Mapping[str, str], uid: int) -> List[str]:
    """The directories in which a daemon of this user listens, where other users could have put a socket first."""
    runtime = environment.get("XDG_RUNTIME_DIR")
    bases = [runtime, f"/run/user/{uid}"] if runtime else [f"/run/user/{uid}"]
    temporary = os.path.join(environment.get("TMPDIR") or "/tmp", f"chimed-{uid}")
    return [*(os.path.join(base, "chimed") for base in bases), temporary]


def is_foreign(directory: str, uid: int) -> bool:
    """True if the directory belongs to another user, is no directory, or is writable by others."""
    try:
        found = os.lstat(directory)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or bool(found.st_mode & _WRITE_BY_OTHERS)


def dial(path: Optional[str] = None) -> socket.socket:
    """Connects to the path, or else to the first of the usual places that accepts the connection; never waits.

    Raises `busy` if a daemon has no space for a further connection, and otherwise `no-daemon` or `not-permitted` with
    all that was tried.
    """
    uid = os.getuid()
    if path is not None:
        return dial_first([path])
    guarded = [] if os.environ.get("CHIMED_SOCKET_PATH") else own_directories(os.environ, uid)
    return dial_first(places(os.environ, uid), guarded)


def dial_first(paths: Sequence[str], guarded: Sequence[str] = ()) -> socket.socket:
    """As `dial`. Skips paths in those `guarded` directories that are not safe."""
    tried: List[str] = []
    denied = ""
    for path in paths:
        directory = os.path.dirname(path)
        if directory in guarded and is_foreign(directory, os.getuid()):
            tried.append(f"{path} (the directory belongs to another user or is writable by others)")
            continue
        try:
            return _connected(path)
        except BlockingIOError as error:
            raise Error("busy", f"too many connections are waiting to be accepted at {path}") from error
        except (OSError, ValueError) as error:
            number = error.errno if isinstance(error, OSError) else None
            tried.append(f"{path} ({_REASONS.get(number or 0) or error})")
            if isinstance(error, PermissionError) and (path in SYSTEM_PLACES or len(paths) == 1):
                denied = path
    if denied:
        remedy = "this user must be in the group of the socket (socket.group), and log in again after a change"
        raise Error("not-permitted", f"permission denied: {denied}; {remedy}")
    raise Error("no-daemon", f"no daemon found, tried {', '.join(tried)}; is chimed running?")


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A blocking connect(2) waits while the accept queue is full.
        connection.setblocking(False)
        connection.connect(path)
        return connection
    except BaseException:
        connection.close()
        raise
