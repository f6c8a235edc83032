#!/bin/sh
# Runs a command every second and prints what it says. Usage: poll.sh COMMAND...
while :; do
  value=$("$@")
  echo "$value"
  sleep 1
done
