"""A file system that never answers: python3 hung-fs.py DIRECTORY [read|open|getattr|lookup|statfs]

It mounts itself on the directory (root, /dev/fuse) and answers every request of FUSE but those that the second argument names, so
that whoever asks waits in the kernel, where no signal ends the wait. `lookup` answers nothing but the mount itself. The only file
is `file`. It says `mounted` once it serves. When its stdin closes, or it is killed, the kernel ends all waits: the descriptor of
/dev/fuse is the connection.
"""
import ctypes
import os
import select
import struct
import sys

directory, silent = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "read"
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, INTERRUPT, ACCESS = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 36, 34)
unanswered = {"read": {READ}, "open": {OPEN}, "getattr": {GETATTR, OPEN, READ}, "lookup": {LOOKUP, GETATTR},
              "statfs": {STATFS}}[silent]
libc = ctypes.CDLL(None, use_errno=True)
fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions".encode()
if libc.mount(b"chimed-hung", directory.encode(), b"fuse.hung", 0, options) != 0:
    sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")


def attributes(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, 20)
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(unique, body=b"", error=0):
    try:
        os.write(fuse, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
    except OSError:
        pass  # Whoever asked has gone.


def serve(request):
    _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
    if opcode in unanswered and not (silent == "getattr" and opcode == GETATTR and node == 1):
        return
    if opcode == INIT:
        _, minor, readahead = struct.unpack_from("<III", request, 40)
        # No flags: reads are synchronous and wait without regard to signals.
        answer(unique, struct.pack("<IIIIHHIIHHI7I", 7, min(minor, 31), readahead, 0, 16, 12, 65536, 1, 1, 0, 0, *[0] * 7))
    elif opcode == LOOKUP:
        name = request[40:].rstrip(b"\0")
        # Attributes of `getattr` are stale at once, so that they are asked for.
        valid = 0 if silent == "getattr" else 3600
        if name == b"file":
            answer(unique, struct.pack("<QQQQII", 2, 0, 3600, valid, 0, 0) + attributes(2))
        else:
            answer(unique, error=2)
    elif opcode == GETATTR:
        answer(unique, struct.pack("<QII", 3600, 0, 0) + attributes(node))
    elif opcode in (OPEN, OPENDIR):
        answer(unique, struct.pack("<QII", 1, 0, 0))
    elif opcode == READDIR:
        _, offset = struct.unpack_from("<QQ", request, 40)
        answer(unique, struct.pack("<QQII8s", 2, 1, 4, 8, b"file") if offset == 0 else b"")
    elif opcode in (RELEASE, FLUSH, ACCESS):
        answer(unique)
    elif opcode == STATFS:
        answer(unique, struct.pack("<QQQQQIIII6I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0, *[0] * 6))
    elif opcode not in (FORGET, INTERRUPT, 42):
        answer(unique, error=38)


try:
    serve(os.read(fuse, 1 << 20))  # INIT
    print("mounted", flush=True)
    while True:
        ready, _, _ = select.select([fuse, 0], [], [])
        if 0 in ready and not os.read(0, 4096):
            break
        if fuse in ready:
            serve(os.read(fuse, 1 << 20))
except OSError as error:
    if error.errno != 19:  # ENODEV: unmounted.
        raise
finally:
    libc.umount2(directory.encode(), 2)
    os.close(fuse)
