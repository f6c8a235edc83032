#!/bin/sh
# Prints what the command line hears of a topic. Usage: listen.sh NODE CLI SOCKET TOPIC
"$1" "$2" listen --raw --socket "$3" "$4" | while read -r value; do
  echo "$value"
done
