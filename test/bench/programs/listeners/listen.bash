#!/bin/bash
# Prints what it hears of a topic on a plain socket. Usage: listen.bash SOCKET TOPIC
printf '{"type":"chimed.register","data":{"topics":["%s"]}}\f' "$2" |
  socat -,ignoreeof "UNIX-CONNECT:$1" |
  while IFS= read -r -d $'\f' frame; do
    [[ $frame =~ \"type\":\"$2\".*\"data\":([^,}]*) ]] && echo "${BASH_REMATCH[1]}"
  done
