# The rules of a client of chimed. chimed.bash runs this program once: it reads what happens, as one JSON array per
# line, and says what to do. It does no I/O of its own. "Rule N" is a rule of docs/wire.md.
#
#   in   ["dialing"]          a connection is being made; what is sent from now on is for it
#        ["frame", TEXT]      a frame of the daemon; a text that ends with U+0001 is the end of the connection
#        ["why", TEXT]        why the connection is about to end
#        ["command", TEXT]    a command of the program, see README.md
#        ["tick"]             the time of the last "wake"
#   out  a line on stdout     for the program
#        a string on stderr   a frame for the daemon
#        [TEXT] on stderr     for chimed.bash: "registering", "ready", "hangup", "lost WHY", "wake MS" or "log TEXT"
#
# $name, $tabs, $control and $timeout (ms) are options of chimed.bash, $ARGS.positional the patterns, and $longest is the
# length of the longest frame in bytes.

# What a step says is collected in the state, and leaves when the step is complete.
def print($line): .out += [{print: $line}];
def send($frame): .out += [{send: $frame}];
def tell($text): .out += [{tell: $text}];
def log($text): tell("log \($text)");
def event($fields): if $control then print($fields | tojson) else . end;

def frame($type; $data): {type: $type, data: $data} | tojson;

# True if a frame has more levels or values than a daemon accepts (rule 6).
def is_too_complex:
  def count($text): (split($text) | length) - 1;
  if count("[") + count("{") <= 66 and count("[") + count("{") + count(",") + count(":") < 50000 then false
  else
    try (
      fromjson
      | ([paths(type == "array" or type == "object") | length] | (max // 0) + 1) > 66
        or ([.. | if type == "object" then length + 1 else 1 end] | add) > 50000)
    catch true
  end;

def fits($frame): (.frameBytes == null or ($frame | utf8bytelength) <= .frameBytes) and ($frame | is_too_complex | not);
def TOO_LARGE: "the daemon accepts frames of at most \(.frameBytes) bytes (clients.frameBytes), 66 levels and 50,000 values";

### Payloads

# jq 1.6 rounds numbers to 17 digits. A payload that has longer ones is not printed anew but cut out of its frame,
# if the frame is written as the daemon writes it.
def has_long_numbers: test("[0-9]{16}");

# The text between $head and $tail if it is this payload; otherwise the payload, printed anew.
def payload($head; $tail; $data):
  (if startswith($head) and endswith($tail) then .[($head | length):length - ($tail | length)] else "" end) as $text
  | if (try ($text | fromjson == $data) catch false) then $text else $data | tojson end;

# The payload of the message $message, out of the text of its frame.
def payload_of_message($message):
  if has_long_numbers then
    ($message | del(.type, .data) | tojson | if . == "{}" then "}" else ",\(.[1:])" end) as $tail
    | payload("{\"type\":\($message.type | tojson),\"data\":"; $tail; $message.data)
  else $message.data | tojson end;

# The payload of an answer to chimed.get, out of the text of its frame.
def payload_of_answer($frame):
  if has_long_numbers then
    payload(frame($frame.type; $frame.data | del(.data))[:-2] + ",\"data\":"; "}}"; $frame.data.data)
  else $frame.data.data | tojson end;

# A payload of the program, as JSON for a frame; null if it is not JSON. jq takes "nan" for a number.
def checked_payload:
  (try [fromjson] catch null) as $parsed
  | if $parsed == null or test("^\\s*$") then null
    elif test("nan") and any($parsed | ..; type == "number" and isnan) then null
    elif has_long_numbers then .
    else $parsed[0] | tojson end;

# An object as text, with a payload that is text already.
def with_payload($json): "\(tojson[:-1]),\"data\":\($json)}";

### Registering

def matches($pattern):
  split(".") as $words
  | ($pattern | split(".")) as $wanted
  | ($wanted | length) as $length
  | if $wanted[-1] == ">" then
      ($words | length) >= $length and all(range($length - 1); $wanted[.] == "*" or $wanted[.] == $words[.])
    else
      ($words | length) == $length and all(range($length); $wanted[.] == "*" or $wanted[.] == $words[.])
    end;

def hears($topic): any(.patterns[]; . as $pattern | $topic | matches($pattern));

# Where the client stands in each topic (rule 20). What does not fit into a frame is left out: such a topic begins with
# its latest message, and what was missed is counted all the same.
def resume:
  .instance as $instance
  | ([.frameBytes, 1048576] | map(numbers) | min) as $most
  | reduce (.latest | to_entries[]) as {key: $topic, value: $last} (
      {instance: $instance, after: {}, instances: {},
       bytes: ($most - 1000 - ([.patterns[] | length + 3] | add // 0)), values: 40000};
      ($last.instance != $instance) as $own
      | .bytes -= ($topic | length) + 22 + if $own then ($topic + $last.instance | length) + 6 else 0 end
      | .values -= if $own then 4 else 2 end
      | if .bytes < 0 or .values < 0 then .
        elif $own then .after[$topic] = $last.seq | .instances[$topic] = $last.instance
        else .after[$topic] = $last.seq end)
  | {instance, after, instances};

def register:
  send(frame("chimed.register"; {topics: .patterns}
    + if $name == "" then {} else {name: $name} end
    # What the daemon has refused last time may have been this part (rule 75).
    + if .instance == null or .refused then {} else {resume: resume} end));

def WORD: "[A-Za-z0-9_-]+";
def is_name($shape): test("^(\($shape))$") and length <= 255 and (split(".")[0] != "chimed");
def is_topic: is_name("\(WORD)(\\.\(WORD))*");
def is_pattern: is_name(">|(\(WORD)|\\*)(\\.(\(WORD)|\\*))*(\\.>)?");

def subscribe($patterns):
  ($patterns | unique | map(select(is_pattern))) as $valid
  | reduce ($patterns - $valid)[] as $topic (.;
      log("\($topic) is neither a topic nor a pattern")
      | event({event: "refused", $topic, code: "bad-request", message: "neither a topic nor a pattern"}))
  | ($valid - .patterns) as $new
  | .patterns += $new
  | if .state == "waiting" or $new == [] then . else send(frame("chimed.register"; {topics: $new})) end;

# A topic that is no longer heard is forgotten, so that a later subscription begins afresh (rule 67).
def drop($patterns):
  .patterns -= $patterns
  | . as $state
  | .latest |= with_entries(select(.key as $topic | $state | hears($topic)));

def unsubscribe($patterns):
  ($patterns - ($patterns - .patterns)) as $gone
  | drop($gone)
  | if .state == "waiting" or $gone == [] then . else send(frame("chimed.unregister"; {topics: $gone})) end;

### Requests: each waits for a daemon, then for its answer, and for no longer than $timeout

# A request has failed.
def fail($key; $code; $message):
  event({event: "failed", id: .requests[$key].id, code: $code, message: $message})
  | del(.requests[$key])
  | .unsent -= [$key];

# Sends the requests that wait, in order. Those that are not answered have 128 KiB at most, or are one: behind a daemon
# that does not read, this program would stand still, and would send what has failed meanwhile (rule 76).
def submit:
  (.unsent[0] // "") as $key
  | .requests[$key].frame as $frame
  | if .state != "ready" or $key == "" then .
    elif fits($frame) | not then fail($key; "too-large"; TOO_LARGE) | submit
    else
      ($frame | utf8bytelength) as $bytes
      | ([.unanswered[]] | add // 0) as $before
      | if $before > 0 and $before + $bytes > 131072 then .
        else
          .unsent |= .[1:] | .unanswered[$key] = $bytes | send($frame) | del(.requests[$key].frame) | submit
        end
    end;

def wake_by($time):
  if .wake != null and .wake <= $time then . else .wake = $time | tell("wake \([0, ($time - now) * 1000] | max | ceil)") end;

# Requests have numbers of their own on the wire, since a late answer must not meet a new request of the program.
def request($id; $data; frame_of):
  .lastId += 1
  | "\(.lastId)" as $key
  | ($id | if test("^(0|-?[1-9][0-9]{0,14})$") then tonumber else . end) as $id
  | .requests[$key] = {$id, until: (now + $timeout / 1000), frame: (.lastId as $id | {$id} + $data | frame_of)}
  | .unsent += [$key]
  | wake_by(.requests[$key].until)
  | if $data.topic | is_topic then submit else fail($key; "bad-request"; "\($data.topic) is not a topic") end;

def publish($id; $topic; $text):
  ($text | checked_payload) as $json
  | if $json == null then event({event: "failed", $id, code: "bad-request", message: "the data is not JSON"})
    else request($id; {$topic}; "{\"type\":\"chimed.publish\",\"data\":\(with_payload($json))}") end;

def get($id; $topic): request($id; {$topic}; frame("chimed.get"; .));

def answered($id; $fields):
  del(.unanswered["\($id)"])
  | if .requests["\($id)"] then event($fields + {id: .requests["\($id)"].id}) | del(.requests["\($id)"]) else . end
  | submit;

### Provided topics

def ask_to_provide($topics):
  .lastId += 1
  | .asked["\(.lastId)"] = $topics
  | send(frame("chimed.provide"; {$topics, id: .lastId}));

def say_failure($topic): send(frame("chimed.fail"; {$topic, error: .provided[$topic].error}));

# After each registration (rule 70). A frame names as many topics as fit, each of at most 255 characters.
def provide_again:
  .asked = {}
  | .succeeding = {}
  | ([1, (((.frameBytes // 1048576) - 100) / 258 | floor)] | max) as $most
  | (.provided | keys_unsorted) as $topics
  | reduce range(0; $topics | length; $most) as $from (.; ask_to_provide($topics[$from:$from + $most]))
  | reduce ($topics[]) as $topic (.; if .provided[$topic].error then say_failure($topic) else . end);

def provide($topic):
  if $topic | is_topic | not then event({event: "unprovided", $topic, code: "bad-request"})
  elif .provided[$topic] then . else
    .provided[$topic] = {wanted: false, error: null, attempts: 0}
    | if .state == "ready" then ask_to_provide([$topic]) else . end
  end;

# The daemon has accepted the topics of a request, but for those that it has refused before.
def provided($id):
  reduce (.asked["\($id)"] // [])[] as $topic (.;
    if .provided[$topic] then .provided[$topic].attempts = 20 else . end)
  | del(.asked["\($id)"]);

# The daemon has refused a topic. It may not have noticed yet that the former connection has ended (rule 70).
def unprovided($topic; $code):
  .asked |= map_values(. - [$topic])
  | if .provided[$topic] == null then .
    elif $code == "already-provided" and .provided[$topic].attempts > 0 then
      .provided[$topic].attempts -= 1 | .succeeding[$topic] = now + 0.5 | wake_by(.succeeding[$topic])
    else event({event: "unprovided", $topic, $code}) | del(.provided[$topic]) end;

def unprovide($topic):
  if .provided[$topic] == null then . else
    del(.provided[$topic])
    | if .state == "ready" then send(frame("chimed.unprovide"; {topics: [$topic]})) else . end
  end;

# A provided topic has subscribers, or none.
def want($topic; $wanted):
  if .provided[$topic] then
    .provided[$topic].wanted = $wanted | event({event: (if $wanted then "wanted" else "unwanted" end), $topic})
  else . end;

# A message of a provided topic is not sent, or the daemon has refused it.
def unsent($topic; $code): event({event: "unsent", $topic, $code});

def send_message($topic; $text):
  ($text | checked_payload) as $json
  | ({type: $topic} | with_payload($json // "")) as $frame
  | if .provided[$topic] == null then unsent($topic; "not-provided")
    elif $json == null then unsent($topic; "bad-request")
    elif .state != "ready" then unsent($topic; "no-daemon")
    elif fits($frame) then .provided[$topic].error = null | send($frame)
    else unsent($topic; "too-large") end;

def fail_topic($topic; $error):
  if .provided[$topic] == null then unsent($topic; "not-provided") else
    .provided[$topic].error = $error
    | if .state == "ready" then say_failure($topic) else . end
  end;

### Time

# Fails the requests that are overdue, and asks again for the topics that the former connection still seemed to provide.
def tick:
  .wake = null
  | now as $now
  | reduce (.requests | to_entries[] | select(.value.until <= $now) | .key) as $key (.;
      fail($key; "timeout"; "no answer within \($timeout) ms"))
  | .succeeding as $all
  | ($all | map_values(select(. <= $now))) as $due
  | .succeeding |= map_values(select(. > $now))
  | (.provided as $provided | $due | keys_unsorted | map(select($provided[.]))) as $topics
  | if .state == "ready" and $topics != [] then reduce $topics[] as $topic (.; ask_to_provide([$topic])) else . end
  | ([.requests[].until, .succeeding[]] | min) as $next
  | if $next == null then . else wake_by($next) end;

### Frames of the daemon

def is_seq: type == "number" and . >= 1 and . <= 9007199254740991 and . == floor;

def message($message; $text):
  $message.type as $topic
  | $message.seq as $seq
  | ($message.instance // .instance) as $instance
  | .latest[$topic] as $last
  | if ($seq | is_seq | not) or ($last == null and (hears($topic) | not)) or ($last.instance == $instance and $seq <= $last.seq) then .
    else
      .latest[$topic] = {$instance, $seq}
      | if $last == null or $last.instance == $instance then .
        else log("the numbering of \($topic) has restarted") | event({event: "uncounted", $topic}) end
      | (if $last.instance == $instance then $seq - $last.seq - 1 else 0 end) as $missed
      | ($text | payload_of_message($message)) as $json
      | if $tabs then print("\($topic)\t\($seq)\t\($missed)\t\($json)")
        else
          print({$topic, $seq, time: $message.time, $missed}
            + ($message | {offset, stale} | with_entries(select(.value != null))) + {$instance}
            | with_payload($json))
        end
    end;

def registered($answer):
  .instance as $former
  | (.latest | length) as $count
  | .frameBytes = $answer.limits.frameBytes
  | .instance = $answer.instance
  | .refused = false
  # A new numbering: there is nothing to compare with (rule 17), except for topics with numberings of their own.
  | if $former == null or $former == .instance then .
    else .latest |= with_entries(select(.value.instance != $former)) end
  | if $answer.uncounted or (.latest | length) < $count then
      log("some messages may be lost; their number is unknown") | event({event: "uncounted"})
    else . end
  | if .state == "ready" then .
    else
      .state = "ready"
      | tell("ready")
      | event({event: "ready"})
      | provide_again
      | submit
    end;

def hang_up($why): .state = "ending" | .why = $why | tell("hangup");

def rejected($rejection):
  $rejection as {$code, $message, $request, $topic, $id}
  | ($code == "too-large" or $code == "bad-request") as $isRefusal
  | if $request == null then # The daemon closes the connection.
      .why = $message | if .state == "dialed" then .refused = (.refused or $isRefusal) else . end
    elif $request == "chimed.register" and $topic == null and .state == "dialed" and $code != "too-fast" then
      .refused = $isRefusal | hang_up($message)
    else
      log($message)
      | if $code == "too-fast" then . # A warning (rule 36).
        else
          del(.unanswered["\($id)"]) # Also that of a request which has failed meanwhile.
          | if $request == "chimed.register" and $topic then
              event({event: "refused", $topic, $code, $message}) | drop([$topic])
            elif $request == "chimed.provide" then
              reduce (if $topic then [$topic] else .asked["\($id)"] end // [])[] as $each (.; unprovided($each; $code))
            elif .requests["\($id)"] then fail("\($id)"; $code; $message)
            elif $topic then unsent($topic; $code)
            else . end
          | submit
        end
    end;

def control_frame($frame; $text):
  $frame.data as $data
  | if $frame.type == "chimed.registered" then registered($data)
    elif $frame.type == "chimed.rejected" then rejected($data)
    elif $frame.type == "chimed.stopping" then .why = "the daemon stopped: \($data.reason)"
    elif $frame.type == "chimed.provided" then provided($data.id)
    elif $frame.type == "chimed.published" then answered($data.id; {event: "published", seq: $data.seq})
    elif $frame.type == "chimed.got" then
      if ($data.seq | is_seq | not) or .requests["\($data.id)"] == null then answered($data.id; {event: "got"})
      else
        ({event: "got", id: .requests["\($data.id)"].id} + ($data | del(.id, .data))) as $fields
        | del(.requests["\($data.id)"], .unanswered["\($data.id)"])
        | print($fields | with_payload($text | payload_of_answer($frame)))
        | submit
      end
    elif $frame.type == "chimed.wanted" then want($data.topic; true)
    elif $frame.type == "chimed.unwanted" then want($data.topic; false)
    elif $frame.type == "chimed.failing" then
      log("\($data.topic) is failing: \($data.error)") | event({event: "failing"} + ($data | {topic, error}))
    elif $frame.type == "chimed.recovered" then
      log("\($data.topic) has recovered") | event({event: "recovered"} + ($data | {topic}))
    else . end;

def lost:
  (.why // "the daemon closed the connection") as $why
  | .state = "waiting"
  | .why = null
  | .unanswered = {}
  | event({event: "waiting"})
  | reduce (.provided | to_entries[] | select(.value.wanted) | .key) as $topic (.; want($topic; false))
  # What was sent may have arrived, so it is not sent again (rule 68).
  | reduce (.requests | to_entries[] | select(.value.frame == null) | .key) as $key (.;
      fail($key; "connection-lost"; "the connection ended before the daemon answered"))
  | tell("lost \($why)");

def frame_arrived($text):
  if $text | endswith("\u0001") then lost
  elif .state != "dialed" and .state != "ready" then . # What was on its way when the connection was given up.
  elif ($text | utf8bytelength) > $longest then hang_up("the daemon sent a frame of more than \($longest) bytes")
  else
    . as $state
    | ($text | try fromjson catch null) as $frame
    | if ($frame | type) != "object" or ($frame.type | type) != "string" or $frame.type == "" then
        hang_up("the daemon sent something that is not a frame: \($text[:100])")
      else
        try (
          if $frame.type | startswith("chimed.") then control_frame($frame; $text)
          elif .state == "ready" then message($frame; $text)
          else . end)
        catch (. as $error | $state | hang_up("the daemon sent a frame that is not valid: \($error)"))
      end
  end;

### Commands of the program

# The first word of a text, and the rest.
def split_word: capture("^\\s*(?<word>\\S*)\\s*(?<rest>(?:.*\\S)?)\\s*$");

def command($text):
  ($text | split_word) as {word: $verb, rest: $all}
  | ($all | split_word) as {word: $first, rest: $after_first}
  | if $verb == "" then .
    elif $verb == "subscribe" then subscribe($all | [splits("\\s+")])
    elif $verb == "unsubscribe" then unsubscribe($all | [splits("\\s+")])
    elif $verb == "publish" then
      ($after_first | split_word) as {word: $topic, rest: $json} | publish($first; $topic; $json)
    elif $verb == "get" then get($first; $after_first)
    elif $verb == "provide" then provide($first)
    elif $verb == "send" then send_message($first; $after_first)
    elif $verb == "fail" then fail_topic($first; if $after_first == "" then null else $after_first end)
    elif $verb == "unprovide" then unprovide($first)
    else log("unknown command: \($verb)") end;

### The loop

foreach inputs as [$what, $text] (
  {
    state: "waiting", # dialed, ready, ending
    patterns: ($ARGS.positional | unique),
    instance: null, # the numbering of the daemon
    latest: {}, # by topic: the instance and seq of its last message
    frameBytes: null, # what the daemon accepts
    requests: {}, # by number: id, until, and the frame until it is sent
    unsent: [], # their numbers, of those that wait for a daemon, or for it to answer others
    unanswered: {}, # by number: the bytes of those that were sent
    lastId: 0,
    wake: null,
    provided: {}, # by topic: wanted, error
    asked: {}, # by number: the topics of a chimed.provide
    succeeding: {}, # by topic: when to ask for it again
    refused: false, # the daemon has refused the last registration
    why: null # why the connection ends
  };
  .out = []
  | if $what == "frame" then frame_arrived($text)
    elif $what == "command" then . as $state | try command($text) catch (. as $why | $state | log("command failed: \($why)"))
    elif $what == "dialing" then .state = "dialed" | tell("registering") | register
    elif $what == "why" then .why = (.why // $text)
    elif $what == "tick" then tick
    else . end;
  .out[] | if .print then .print elif .send then .send | debug | empty else [.tell] | debug | empty end
)
