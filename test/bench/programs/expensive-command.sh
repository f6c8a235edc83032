#!/bin/sh
# The command of work (i): it keeps a core busy for some 50 ms and prints when it ended, in microseconds since 1970.
# Usage: expensive-command.sh EXECUTIONS
printf . >>"$1"
i=0
while [ "$i" -lt 40000 ]; do i=$((i + 1)); done
exec date +%s%6N
