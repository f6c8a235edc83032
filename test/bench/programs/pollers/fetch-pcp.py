"""Fetches a metric of PCP every second and prints its value. Usage: fetch-pcp.py SOCKET METRIC"""
import sys
import time

import cpmapi
from pcp import pmapi

path, metric = sys.argv[1:]
context = pmapi.pmContext(cpmapi.PM_CONTEXT_HOST, "unix://" + path)
ids = context.pmLookupName([metric])
due = time.monotonic()
while True:
    result = context.pmFetch(ids)
    values = result.contents
    if values.get_numval(0) == 1:
        atom = context.pmExtractValue(
            values.get_valfmt(0), values.get_vlist(0, 0), cpmapi.PM_TYPE_U64, cpmapi.PM_TYPE_U64
        )
        print(atom.ull, flush=True)
    context.pmFreeResult(result)
    due += 1
    time.sleep(max(0, due - time.monotonic()))
