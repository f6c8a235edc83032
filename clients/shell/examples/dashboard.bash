#!/usr/bin/env bash
PATH=$(dirname -- "$0")/..:$PATH
while IFS=$'\t' read -r topic seq missed data; do
  if ((missed > 0)); then echo "missed $missed messages of $topic" >&2; fi
  printf '%s %s %s\n' "$topic" "$seq" "$data"
done < <(chimed.bash --name dashboard --tabs 'host.>')
