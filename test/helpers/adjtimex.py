# Prints what the kernel says of the clock: whether it is synchronised, and its maximum error and offset in milliseconds.
import ctypes
import json


class Timex(ctypes.Structure):
    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    ]


timex = Timex()
state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
assert state >= 0, ctypes.get_errno()
STA_UNSYNC, STA_NANO = 0x40, 0x2000
print(
    json.dumps(
        {
            "synchronised": not timex.status & STA_UNSYNC,
            "maxErrorMs": timex.maxerror / 1e3,
            "offsetMs": timex.offset / (1e6 if timex.status & STA_NANO else 1e3),
        }
    )
)
