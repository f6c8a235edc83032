#!/usr/bin/env bash
# A client of chimed: prints each message of the topics and patterns that it is given as one line of JSON. It stays
# connected: it reconnects, resumes, drops what it has received already and counts what it has missed.
#
# All decisions are made by chimed.jq, in one process that lives as long as this script. This script moves lines:
#
#   socat -> tr -> fold -> sed (quotes) --.
#   commands on stdin ---> sed (quotes) ---+-> sed (merges) -> jq -> stdout
#   events of this script ----------------'                    |
#                          socat <- wire <- sed (routes) <-----'
set -o nounset -o pipefail
export LC_ALL=C # Bytes are bytes, and errors have one language.

usage() {
  cat <<'END'
Usage: chimed.bash [options] [topic or pattern]...

Prints each message of these topics as one line of JSON, and logs to stderr.

  --name NAME         name of this client in the daemon's log and status
  --socket PATH       socket of the daemon; by default it is searched for
  --tabs              prints a message as its topic, seq, missed and data, with tabs between them
  --control           reads commands on stdin, and prints events beside the messages
  --timeout MS        how long the daemon can take to answer (5000)
  --retry MIN:MAX     upper bounds of the random delay between attempts to connect, in ms (100:5000)
  --quiet             logs nothing
  --help              prints this text

SIGTERM and SIGINT end it at once.
END
}

fail() {
  printf 'chimed.bash: %s\n' "$1" >&2
  exit "${2:-1}"
}

log() {
  "$quiet" || printf 'chimed.bash: %s\n' "$1" >&2
}

# --- Options ---------------------------------------------------------------------------------------------------------

readonly LONGEST_FRAME=$((64 * 1024 * 1024 + 4096)) LONGEST_PATH=107
here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
name='' socket='' tabs=false control=false timeout=5000 retry=100:5000 quiet=false patterns=()
while (($# > 0)); do
  case $1 in
    --name | --socket | --timeout | --retry)
      (($# > 1)) || fail "$1 needs a value" 64
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --tabs | --control | --quiet) printf -v "${1#--}" true && shift ;;
    --help) usage && exit ;;
    --) shift && patterns+=("$@") && break ;;
    -*) fail "unknown option $1; see --help" 64 ;;
    *) patterns+=("$1") && shift ;;
  esac
done
[[ $timeout =~ ^[1-9][0-9]*$ ]] || fail "--timeout: expected a number of milliseconds, not $timeout" 64
[[ $retry =~ ^([1-9][0-9]*):([1-9][0-9]*)$ ]] || fail "--retry: expected MIN:MAX in milliseconds, not $retry" 64
readonly min_delay=${BASH_REMATCH[1]} max_delay=${BASH_REMATCH[2]}

[[ ${SRANDOM:-} ]] || fail 'bash 5.1 or later is needed'
for tool in jq socat stdbuf sed tr fold mkfifo mktemp stat; do
  command -v "$tool" >/dev/null || fail "$tool is needed, and is not installed" 69
done

# --- Processes and their pipes ---------------------------------------------------------------------------------------

children=() connection=''
trap 'kill "${children[@]}" $connection 2>/dev/null' EXIT
trap 'exit 0' TERM INT HUP

# Named pipes, where several processes write to one, or where it has to be emptied, and two short files. All are opened
# for reading and writing, so that they never end, and then found as /dev/fd/N: no directory is left behind.
for base in "${XDG_RUNTIME_DIR:-}" "${TMPDIR:-}" /tmp; do
  if [[ $base ]] && folder=$(mktemp -d "$base/chimed.bash.XXXXXX" 2>/dev/null); then break; fi
done
[[ ${folder:-} ]] || fail "cannot create a directory in ${TMPDIR:-/tmp}" 73
mkfifo "$folder"/{frames,commands,events,wire,said,probe}
exec {frames}<>"$folder/frames" {commands}<>"$folder/commands" {events}<>"$folder/events" {wire}<>"$folder/wire" \
  {said}<>"$folder/said" {probe}<>"$folder/probe" {errors}<>"$folder/errors" {ended}<>"$folder/ended"
rm -r -- "$folder"

# Prints each line of stdin as [KIND,LINE] in JSON, after it has announced it as KIND among the events on stderr.
# Surrogates that have no other half become U+FFFD, since jq does not read them. Control characters become U+0001,
# which jq refuses in JSON.
quote() {
  exec stdbuf -oL -eL sed -nE '
    s/[\x01-\x1f]/\x01/g
    /\\u[dD][89a-fA-F]/{
      s/\\\\/\x02/g
      s/\\(u[dD][89abAB]..)\\(u[dD][c-fC-F]..)/\x03\1\x03\2/g
      s/\\u[dD][89a-fA-F]../\\ufffd/g
      s/\x03/\\/g
      s/\x02/\\\\/g
    }
    s/[\\"]/\\&/g
    s/\x01/\\u0001/g
    s/.*/["'"$1"'","&"]\n/
    x
    s/.*/'"$1"'/
    w /dev/stderr
    x
    P' 2>"/dev/fd/$events"
}

# Joins lines without cutting one into another: events, which are short and so arrive in one piece, and the lines that
# they announce, of any length, each kind from a pipe of its own.
merge() {
  exec stdbuf -oL sed -n -e '/^\[/p' -e "/^frame\$/R /dev/fd/$frames" -e "/^command\$/R /dev/fd/$commands" \
    <"/dev/fd/$events"
}

# Sends the frames that jq writes on its stderr to the wire, and prints the rest for the loop at the end.
route() {
  exec stdbuf -oL -eL sed -n '
    /^\["DEBUG:","/{
      s///
      s/"\]$/\f/
      s/\\\(["\\]\)/\1/g
      w /dev/stderr
      d
    }
    /^\["DEBUG:",\["\(.*\)"\]\]$/{
      s//\1/
      s/\\\(["\\]\)/\1/g
      p
      d
    }
    s/^/log /p' <"/dev/fd/$said" 2>"/dev/fd/$wire" {said}<&-
}

# fold cuts a frame that is too long, so that nothing more of it is kept. From coreutils 9.8 on, it holds lines back.
bounded=(stdbuf -o0 fold -b -w $((LONGEST_FRAME + 1)))
echo >&"$probe"
if ! read -r -t 2 < <(exec "${bounded[@]}" <&"$probe"); then
  log 'this version of fold holds lines back: frames of the daemon are not bounded'
  bounded=(cat)
fi
kill $!
exec {probe}>&-

# jq ends when this script does not merge for it any more, and this script ends when jq does.
exec {control_lines}< <(route) && children+=($!)
exec {merged}< <(exec {said}>&- && merge) && children+=($!)
stdbuf -eL jq -nr --unbuffered --arg name "$name" --argjson tabs "$tabs" --argjson control "$control" \
  --argjson timeout "$timeout" --argjson longest "$LONGEST_FRAME" -f "$here/chimed.jq" --args -- "${patterns[@]}" \
  <&"$merged" 2>"/dev/fd/$said" {said}>&- &
rules=$! && children+=("$rules")
exec {merged}<&- {said}>&-

# The daemon's bytes become lines: a frame ends with a form feed, and white space within it is as good as a space.
exec {quoted}> >(quote frame >"/dev/fd/$frames") && children+=($!)
exec {folded}> >(exec "${bounded[@]}" >&"$quoted") && children+=($!)
exec {bytes}> >(exec stdbuf -o0 tr '\t\n\r\f\0' '   \n\1' >&"$folded") && children+=($!)
if "$control"; then quote command <&0 >"/dev/fd/$commands" & children+=($!); fi
exec </dev/null

# --- Finding the daemon (rules 32 to 34) -----------------------------------------------------------------------------

# The directories in which a daemon of this user's own can listen; that of root is the machine's.
user_directories=()
if ((UID != 0)); then
  user_directories=(${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR/chimed"} "/run/user/$UID/chimed" "${TMPDIR:-/tmp}/chimed-$UID")
fi
if [[ ! $socket ]]; then socket=${CHIMED_SOCKET_PATH:-}; fi
if [[ $socket ]]; then
  places=("$socket")
else
  places=("${user_directories[@]/%//chimed.sock}" /run/chimed/chimed.sock /run/chimed/daemon/chimed.sock)
fi

# True if another user can have put the socket into this directory of the user's.
is_foreign() {
  local directory mode
  for directory in "${user_directories[@]}"; do
    if [[ $directory == "$1" && (-e $1 || -L $1) ]]; then
      [[ -d $1 && ! -L $1 && -O $1 ]] || return 0
      mode=$(stat -c %a -- "$1") || return 0
      ((8#$mode & 8#022)) && return
    fi
  done
  return 1
}

# --- One connection --------------------------------------------------------------------------------------------------

# Moves bytes between the wire and a socket. With a timeout, connect(2) does not wait for room in the daemon's queue but
# fails with EAGAIN (rule 31).
open_socket() {
  local path=$1 special
  for special in \\ ',' ':' '!' '"' "'" '(' '[' '{'; do path=${path//"$special"/"\\$special"}; done
  exec socat -b 65536 -t0 -lf "/dev/fd/$errors" - "UNIX-CONNECT:$path,connect-timeout=5" <&"$wire"
}

# Connects to the first daemon that can be reached, and waits until the connection ends. Then it says why, ends the last
# frame with U+0001, and empties the wire, which nobody reads now. SIGHUP ends the connection.
dial() {
  local path error why='' tried=''
  trap 'kill $(jobs -p) 2>/dev/null' HUP
  trap 'kill $(jobs -p) 2>/dev/null; exit' TERM
  for path in "${places[@]}"; do
    if is_foreign "${path%/*}"; then
      error='the directory belongs to another user, or others can write to it'
    elif ((${#path} > LONGEST_PATH)); then
      error="longer than $LONGEST_PATH bytes"
    else
      : >"/dev/fd/$errors"
      open_socket "$path" &
      until wait; do :; done # SIGHUP interrupts it.
      read -r -d '' error <"/dev/fd/$errors"
      if [[ $error != *' E connect('* ]]; then tried='' && break; fi # It was connected.
      error=${error##*): }
      if [[ $error == 'Resource temporarily unavailable' ]]; then
        why="too many connections wait to be accepted at $path" && break
      fi
    fi
    tried+=", $path ($error)"
  done
  echo "${EPOCHREALTIME/./}" >"/dev/fd/$ended" # The next delay begins now.
  if [[ $tried && ! $why ]]; then why="no daemon found, tried ${tried#, }"; fi
  if [[ $why ]]; then printf '["why","%.1000s"]\n' "${why//[\\\"[:cntrl:]]/?}" >&"$events"; fi
  printf '\1\f'
  # Not by exec: a signal that bash has taken but not yet acted on would be lost, and the client would wait for ever.
  cat <&"$wire" >/dev/null &
  until wait; do :; done
}

connect() {
  if [[ $connection ]]; then
    kill "$connection"
    wait "$connection"
  fi 2>/dev/null
  # What the former connection left. Not by read -t: bash keeps what a timeout cut off, and returns it to a later read.
  dd if="/dev/fd/$wire" iflag=nonblock bs=65536 of=/dev/null 2>/dev/null || :
  dial >&"$bytes" &
  connection=$!
  echo '["dialing"]' >&"$events"
}

# True if nobody reads stdout any more: select(2) then takes a pipe for readable, although it is only written to.
is_abandoned() {
  [[ -p /dev/stdout || -S /dev/stdout ]] && read -r -t 0 -u 1
}

# --- The loop --------------------------------------------------------------------------------------------------------

bound=$min_delay last_why=''
declare -A due=([dial]=0) # When to do what, in microseconds since the epoch.

# Waits before the next attempt: a random time, up to a bound that doubles (rule 30).
retry() {
  local delay=$((SRANDOM % (bound + 1))) ended_at
  read -r ended_at <"/dev/fd/$ended"
  [[ $ended_at =~ ^[0-9]+$ ]] || ended_at=${EPOCHREALTIME/./} # Arithmetic evaluates what it is given.
  if [[ $1 != "$last_why" ]]; then log "not connected: $1; trying again in $delay ms"; fi
  last_why=$1
  unset 'due[answer]'
  due[dial]=$((ended_at + delay * 1000))
  bound=$((bound * 2 < max_delay ? bound * 2 : max_delay))
}

while :; do
  is_abandoned && exit 141 # jq notices it at the next message only.
  now=${EPOCHREALTIME/./} next='' left=5000000
  for what in "${!due[@]}"; do
    if ((due[$what] - now < left)); then next=$what left=$((due[$what] - now)); fi
  done
  if [[ $next ]] && ((left <= 0)); then
    unset "due[$next]"
    case $next in
      dial) connect ;;
      tick) echo '["tick"]' >&"$events" ;;
      answer)
        printf '["why","the daemon did not answer within %s ms"]\n' "$timeout" >&"$events"
        kill -HUP "$connection"
        ;;
    esac
    continue
  fi
  printf -v seconds '%d.%06d' $((left / 1000000)) $((left % 1000000))
  read -r -t "$seconds" -u "$control_lines" word rest
  status=$? now=${EPOCHREALTIME/./}
  case $status:${word:-} in
    0:ready)
      log 'connected'
      bound=$min_delay last_why=''
      unset 'due[answer]'
      ;;
    0:registering) due[answer]=$((now + timeout * 1000)) ;;
    0:lost) retry "$rest" ;;
    0:hangup) kill -HUP "$connection" ;;
    0:wake) [[ $rest =~ ^[0-9]+$ ]] && due[tick]=$((now + rest * 1000)) ;;
    0:log) log "$rest" ;;
    1:*) # jq has ended; most often since nobody reads its output.
      wait "$rules"
      exit
      ;;
  esac
done
