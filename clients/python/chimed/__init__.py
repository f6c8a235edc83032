"""A client of chimed: one daemon per machine samples things and sends them to local processes.

`connect` makes a client whose calls wait; `chimed.aio.connect` makes one for asyncio.
"""

from . import _messages
from ._blocking import Client, connect
from ._messages import *

__all__ = ["Client", "connect"]
__all__ += _messages.__all__
