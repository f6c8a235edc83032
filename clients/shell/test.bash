#!/usr/bin/env bash
# Tries chimed.bash: its rules with tables, its framing with a scripted peer, and all of it with a real daemon, which
# $CHIMED starts (default: chimed). Prints TAP. ./test.bash TEXT runs only the tests whose names contain TEXT.
set -o nounset
cd -- "$(dirname -- "${BASH_SOURCE[0]}")" || exit
read -ra chimed <<<"${CHIMED:-chimed}"
chosen=${1:-}
folder=$(mktemp -d)
socket=$folder/s
client='' daemon='' count=0 failures=0
trap 'kill $client $daemon 2>/dev/null; rm -r -- "$folder"' EXIT

# --- Helpers ---------------------------------------------------------------------------------------------------------

# Runs a test, which is a function, in a subshell.
try() {
  local name=${1//_/ } status
  [[ $name == *"$chosen"* ]] || return
  rm -rf "${folder:?}"/*
  mkfifo "$folder/events"
  count=$((count + 1))
  (
    trap 'kill $client $daemon 2>/dev/null; wait $client $daemon 2>/dev/null' EXIT
    "$1"
  ) >"$folder/output" 2>&1
  status=$?
  if ((status == 77)); then
    echo "ok $count - $name # SKIP $(tail -n 1 "$folder/output")"
  elif ((status == 0)); then
    echo "ok $count - $name"
  else
    failures=$((failures + 1))
    echo "not ok $count - $name"
    sed 's/^/# /' "$folder/output"
  fi
}

# Starts chimed.bash; its events are read from $events, and its commands are written to $commands.
start_client() {
  exec {events}< <(exec cat "$folder/events")
  exec {commands}> >(exec ./chimed.bash --socket "$socket" "$@" >"$folder/events")
  client=$!
}

# Waits for a line that matches a pattern, and keeps it in $line. All lines before it are in the output of the test.
expect() {
  while read -r -t 20 -u "${2:-$events}" line; do
    echo "$line"
    # shellcheck disable=SC2053 # It is a pattern.
    [[ $line == $1 ]] && return
  done
  echo "there is no line like $1"
  exit 1
}

is() {
  [[ $2 == "$3" ]] && return
  printf '%s: expected %s, not %s\n' "$1" "$3" "$2"
  exit 1
}

start_daemon() {
  printf '%s\n' >"$folder/c" "state: {file: '$folder/state.json'}" 'clients: {pendingBytes: 64KiB}' 'topics:' \
    '  price: {publish: true, history: 10}' '  short: {publish: true}' '  host.name: {publish: true}' \
    '  feed: {provide: true}'
  if ! command -v "${chimed[0]}" >/dev/null; then
    echo "there is no ${chimed[0]}: set CHIMED to the command that starts the daemon"
    exit 77
  fi
  exec {log}< <(exec "${chimed[@]}" serve --config "$folder/c" --socket "$socket" 2>&1)
  daemon=$!
  expect '*"listening"*' "$log"
}

publish() {
  printf '%s\n' "${@:2}" | "${chimed[@]}" publish "$1" --lines --socket "$socket" >/dev/null
}

# Runs the rules with these lines, and prints what they say: "> FRAME" to the daemon, ": TEXT" to chimed.bash.
rules() {
  jq -nr --arg name '' --argjson tabs false --argjson control true --argjson timeout 5000 --argjson longest 200 -f chimed.jq \
    --args "$@" 2>&1 |
    jq -Rr '
      . as $line
      | try (fromjson | .[1] | if type == "string" then "> \(.)" else ": \(.[0])" end) catch $line'
}

# Prints frames for the rules, as chimed.bash does.
frames() {
  jq -Rc '["frame", .]'
}

# --- The rules alone -------------------------------------------------------------------------------------------------

registered='{"type":"chimed.registered","data":{"instance":"one","limits":{"frameBytes":2000}}}'

counts_drops_and_forgets() {
  local seq instance missed
  while read -r seq instance missed; do
    jq -nc --argjson seq "$seq" --arg instance "$instance" \
      '{type: "t", data: null, $seq, time: 1} + if $instance == "-" then {} else {$instance} end' >>"$folder/in"
    case $missed in
      drop) ;;
      *) echo "$seq $missed" >>"$folder/expected" ;;
    esac
  done <<'END'
5 - 0
6 - 0
6 - drop
4 - drop
9 - 2
9007199254740991 - 9007199254740981
1 north 0
1 north drop
4 north 2
3 - 0
END
  {
    echo '["dialing"]'
    frames <<<"$registered"
    frames <"$folder/in"
  } | rules t | jq -Rr 'fromjson? | select(.topic and .seq) | "\(.seq) \(.missed)"' >"$folder/actual"
  diff "$folder/expected" "$folder/actual"
}

matches_patterns_as_the_daemon_does() {
  local pattern topic expected actual
  while read -r pattern topic expected; do
    actual=$(
      {
        echo '["dialing"]'
        frames <<<"$registered"
        jq -nc --arg topic "$topic" '{type: $topic, data: 1, seq: 1, time: 1}' | frames
      } | rules "$pattern" | grep -c '"topic"'
    )
    is "$pattern and $topic" "$actual" "$expected"
  done <<'END'
a.b a.b 1
a.b a.c 0
a.b a 0
a.b a.b.c 0
* a 1
* a.b 0
a.* a.b 1
a.* a 0
*.b a.b 1
> a 1
> a.b 1
a.> a 0
a.> a.b.c 1
*.b.> a.b 0
*.b.> a.b.c 1
END
}

resumes_what_fits() {
  {
    echo '["dialing"]'
    frames <<<"$registered"
    jq -nc 'range(50) | {type: "t.long-name-of-a-topic-\(.)", data: 1, seq: 7, time: 1}' | frames
    jq -nc '{type: "t.own", data: 1, seq: 8, time: 1, instance: "north"}' | frames
    printf '["frame","\\u0001"]\n["dialing"]\n'
  } | rules 't.>' | sed -n 's/^> //p' | tail -n 1 >"$folder/register"
  (($(wc -c <"$folder/register") < 2000)) || is 'length of the registration' long short
  is 'numbers' "$(jq -c '.data.resume | [.instance, (.after | length) > 10, (.after | add / length)]' "$folder/register")" \
    '["one",true,7]'
}

keeps_the_digits_of_long_numbers() {
  local data='{"big":12345678901234567890,"pi":3.14159265358979323846}'
  {
    echo '["dialing"]'
    frames <<<"$registered"
    frames <<<'{"type":"t","data":'"$data"',"seq":1,"time":2,"offset":3}'
    jq -nc --arg data "$data" '["command", "publish 1 price \($data)"]'
    frames <<<'{"type":"chimed.got","data":{"id":1,"topic":"price"}}'
    jq -nc '["command", "get 2 price"]'
    frames <<<'{"type":"chimed.got","data":{"id":2,"topic":"price","seq":1,"data":'"$data"'}}'
  } | rules t >"$folder/actual"
  cat "$folder/actual"
  is 'lines with all digits' "$(grep -cF -- "$data" "$folder/actual")" 3
}

refuses_data_that_is_not_JSON() {
  local data
  for data in '' '{a}' nan '[nan]' '1 2'; do
    {
      echo '["dialing"]'
      frames <<<"$registered"
      jq -nc --arg data "$data" '["command", "publish x price \($data)"]'
    } | rules t | grep -q '"failed","id":"x","code":"bad-request"' || is "publish $data" accepted refused
  done
}

# --- A scripted peer -------------------------------------------------------------------------------------------------

# Listens for one connection, answers the registration, and sends what is written to $peer.
start_peer() {
  rm -f "$socket"
  exec {peer}> >(exec socat -u - "UNIX-LISTEN:$socket" 2>/dev/null)
  daemon=$!
  printf '%s\f' "$registered" >&"$peer"
}

reads_frames_that_are_split_at_any_byte() {
  local frame index
  start_peer
  start_client --control t
  expect '{"event":"ready"}'
  frame=$(printf '\n{\n "data": "a\\"é€😀\\\\",\r\n\t"seq":1, "time":5,"t\\u0079pe" :"t"}')
  LC_ALL=C
  for ((index = 0; index < ${#frame}; index++)); do printf %s "${frame:index:1}" >&"$peer"; done
  printf '\f{"type":"t","data":{},"seq":2,"time":5}\f{"type":"t","data":3,"seq":3,"time":5}\f' >&"$peer"
  expect '*"seq":1,*"data":"a\\"é€😀\\\\"}'
  expect '*"seq":2,*"data":{}}'
  expect '*"seq":3,*"data":3}'
}

hangs_up_at_what_is_no_frame() {
  start_peer
  start_client --control t
  expect '{"event":"ready"}'
  printf '{"type":"t","data":}\f{"type":"t","data":1,"seq":1,"time":1}\f' >&"$peer"
  expect '{"event":"waiting"}'
  is 'messages' "$line" '{"event":"waiting"}'
}

works_with_a_fold_that_holds_lines_back() {
  mkdir "$folder/bin"
  printf '#!/bin/sh\nexec sleep 60\n' >"$folder/bin/fold"
  chmod +x "$folder/bin/fold"
  start_peer
  PATH=$folder/bin:$PATH start_client --control t
  expect '{"event":"ready"}'
  printf '{"type":"t","data":1,"seq":1,"time":1}\f' >&"$peer"
  expect '*"seq":1,*'
}

# --- A real daemon ---------------------------------------------------------------------------------------------------

receives_publishes_and_gets() {
  start_daemon
  start_client --control --name tester price
  expect '{"event":"ready"}'
  echo 'get 1 price' >&"$commands"
  expect '{"event":"got","id":1}'
  printf '%s\n' 'publish a price {"bid": 12.5, "text": "é€😀 \\ \""}' >&"$commands"
  expect '{"topic":"price","seq":1,*,"missed":0,*,"data":{"bid":12.5,"text":"é€😀 \\\\ \\""}}'
  expect '{"event":"published","seq":1,"id":"a"}'
  echo 'publish 2 prise 1' >&"$commands"
  expect '{"event":"failed","id":2,"code":"unknown-topic",*'
  echo 'subscribe nope' >&"$commands"
  expect '{"event":"refused","topic":"nope","code":"unknown-topic",*'
  echo 'unsubscribe price' >&"$commands"
  printf '%s\n' 'publish 3 price 13' 'get 4 price' >&"$commands"
  expect '{"event":"published","seq":2,"id":3}'
  expect '{"event":"got","id":4,"topic":"price","seq":2,*,"data":13}'
}

resumes_after_a_restart_by_SIGTERM() {
  start_daemon
  start_client --control price short
  expect '{"event":"ready"}'
  printf '%s\n' 'publish 1 price 1' 'publish 2 short 1' >&"$commands"
  expect '{"event":"published","seq":1,"id":2}'
  # The script that would connect again is stopped; its other processes go on.
  kill -STOP "$client"
  kill "$daemon" && wait "$daemon"
  expect '{"event":"waiting"}'
  start_daemon
  publish price 2 3 4
  publish short 2 3 4
  kill -CONT "$client"
  local seen=()
  while [[ ${#seen[@]} -lt 4 ]] && expect '{"topic":*'; do
    seen+=("$(jq -r '"\(.topic) \(.seq) \(.missed)"' <<<"$line")")
  done
  is 'messages since' "$(printf '%s\n' "${seen[@]}" | sort | paste -sd ,)" 'price 2 0,price 3 0,price 4 0,short 4 2'
}

begins_afresh_after_SIGKILL() {
  start_daemon
  start_client --control price
  expect '{"event":"ready"}'
  echo 'publish 1 price 1' >&"$commands"
  expect '{"event":"published","seq":1,"id":1}'
  kill -KILL "$daemon" && wait "$daemon" 2>/dev/null
  expect '{"event":"waiting"}'
  start_daemon
  expect '{"event":"uncounted"}'
  echo 'publish 2 price 2' >&"$commands"
  expect '*"seq":1,*,"missed":0,*,"data":2}'
}

counts_exactly_what_a_slow_program_missed() {
  local seq missed data last=1 sum=0
  start_daemon
  start_client --control short
  expect '{"event":"ready"}'
  echo 'publish 1 short 1' >&"$commands"
  expect '{"event":"published","seq":1,"id":1}'
  # Nobody reads the client's events meanwhile.
  data=$(head -c 30000 /dev/zero | tr '\0' x)
  for ((seq = 2; seq <= 100; seq++)); do echo "$data"; done | "${chimed[@]}" publish short --lines --socket "$socket"
  publish short newest
  until ((last == 101)); do
    expect '{"topic":"short",*' >/dev/null
    read -r seq missed < <(jq -r '"\(.seq) \(.missed)"' <<<"$line")
    is "missed before message $seq" "$missed" $((seq - last - 1))
    last=$seq
    sum=$((sum + missed))
  done
  ((sum > 0)) || is 'missed messages' none some
}

provides_a_topic_also_after_a_restart() {
  local how
  start_daemon
  start_client --control feed
  echo 'provide feed' >&"$commands"
  expect '{"event":"wanted","topic":"feed"}'
  for how in TERM KILL; do
    echo "send feed {\"before\": \"$how\"}" >&"$commands"
    expect "*\"topic\":\"feed\",*\"data\":{\"before\":\"$how\"}}"
    kill "-$how" "$daemon" && wait "$daemon" 2>/dev/null
    expect '{"event":"unwanted","topic":"feed"}'
    echo 'send feed 1' >&"$commands"
    expect '{"event":"unsent","topic":"feed","code":"no-daemon"}'
    start_daemon
    expect '{"event":"wanted","topic":"feed"}'
  done
  echo 'fail feed the sensor is gone' >&"$commands"
  expect '{"event":"failing","topic":"feed","error":"the sensor is gone"}'
  echo 'send feed 2' >&"$commands"
  expect '{"event":"recovered","topic":"feed"}'
  echo 'unprovide feed' >&"$commands"
  expect '{"event":"failing","topic":"feed",*'
}

ends_at_once() {
  local began
  start_client --control t
  for _ in 1 2 3 4 5; do expect '{"event":"waiting"}'; done
  began=${EPOCHREALTIME/[.,]/}
  kill "$client"
  wait "$client"
  is 'status' $? 0
  ((${EPOCHREALTIME/[.,]/} - began < 1500000)) || is 'it ended' late 'at once'
}

ends_when_nobody_reads_its_output() {
  exec {events}< <(exec ./chimed.bash --socket "$socket" t)
  client=$!
  exec {events}<&-
  wait "$client"
  is 'status' $? 141
}

# What is left of an attempt must not be taken for a time: bash arithmetic runs commands.
keeps_trying_with_many_patterns() {
  socket=$folder/none
  # shellcheck disable=SC2046 # Each is an argument.
  start_client --control --retry 1:20 $(printf 'host.sensor-%s.temperature ' {1..200})
  for _ in {1..60}; do expect '{"event":"waiting"}'; done
}

takes_commands_with_long_runs_of_spaces() {
  start_daemon
  start_client --control
  expect '{"event":"ready"}'
  printf 'publish 1 price {"a":%20000s1}\n' '' >&"$commands"
  expect '{"event":"published","seq":1,"id":1}'
}

has_a_dashboard() {
  start_daemon
  CHIMED_SOCKET_PATH=$socket
  export CHIMED_SOCKET_PATH
  exec {events}< <(exec examples/dashboard.bash)
  client=$!
  publish host.name '{"a": 1}'
  expect 'host.name 1 {"a":1}'
}

names_a_tool_that_is_missing() {
  mkdir "$folder/few"
  local tool
  for tool in bash dirname readlink jq; do ln -s "$(command -v $tool)" "$folder/few"; done
  PATH=$folder/few ./chimed.bash t 2>"$folder/error"
  is 'status' $? 69
  is 'error' "$(<"$folder/error")" 'chimed.bash: socat is needed, and is not installed'
}

try counts_drops_and_forgets
try matches_patterns_as_the_daemon_does
try resumes_what_fits
try keeps_the_digits_of_long_numbers
try refuses_data_that_is_not_JSON
try reads_frames_that_are_split_at_any_byte
try hangs_up_at_what_is_no_frame
try works_with_a_fold_that_holds_lines_back
try receives_publishes_and_gets
try resumes_after_a_restart_by_SIGTERM
try begins_afresh_after_SIGKILL
try counts_exactly_what_a_slow_program_missed
try provides_a_topic_also_after_a_restart
try ends_at_once
try ends_when_nobody_reads_its_output
try keeps_trying_with_many_patterns
try takes_commands_with_long_runs_of_spaces
try has_a_dashboard
try names_a_tool_that_is_missing
echo "1..$count"
((failures == 0))
