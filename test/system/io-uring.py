"""Asks for an Internet socket, first by socket(2), then by io_uring's IORING_OP_SOCKET (Linux 5.19), and says what came."""

import ctypes
import errno
import os
import socket
import struct

IO_URING_SETUP, IO_URING_ENTER = 425, 426
GETEVENTS = 1
PROT_READ_WRITE, MAP_SHARED = 3, 1
OFF_SQ_RING, OFF_SQES = 0, 0x10000000
OP_SOCKET = 45
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_int64]


def by_call():
    try:
        socket.socket(socket.AF_INET).close()
        return "a socket"
    except OSError as error:
        return errno.errorcode[error.errno]


def by_ring():
    params = (ctypes.c_uint32 * 30)()
    ring = libc.syscall(IO_URING_SETUP, 1, params)
    if ring < 0:
        return errno.errorcode[ctypes.get_errno()]
    sq_tail, sq_array, cq_head, cqes = params[11], params[16], params[20], params[25]
    size = max(sq_array + 4, cqes + params[1] * 16)
    queues = (ctypes.c_char * size).from_address(
        libc.mmap(None, size, PROT_READ_WRITE, MAP_SHARED, ring, OFF_SQ_RING)
    )
    entry = (ctypes.c_char * 64).from_address(
        libc.mmap(None, 64, PROT_READ_WRITE, MAP_SHARED, ring, OFF_SQES)
    )
    struct.pack_into("=BBHiQQI", entry, 0, OP_SOCKET, 0, 0, socket.AF_INET, socket.SOCK_STREAM, 0, 0)
    struct.pack_into("=I", queues, sq_array, 0)
    struct.pack_into("=I", queues, sq_tail, 1)
    if libc.syscall(IO_URING_ENTER, ring, 1, 1, GETEVENTS, None, 0) < 0:
        return errno.errorcode[ctypes.get_errno()]
    (result,) = struct.unpack_from("=i", queues, cqes + 8)
    if result < 0:
        return errno.errorcode[-result]
    kind = socket.socket(fileno=result).family.name
    return f"a socket of {kind}"


print(f"socket: {by_call()}; io_uring: {by_ring()}", flush=True)
os._exit(0)
