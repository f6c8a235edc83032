#!/bin/sh
# The command of work (h): cheap, and with a new value every second. One byte in a file counts each execution.
# Usage: command.sh EXECUTIONS
printf . >>"$1"
exec date +%s
