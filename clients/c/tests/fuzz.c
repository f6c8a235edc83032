/* Random bytes, and frames that are cut and changed at random, through the parser; meant for the sanitizers.
   FUZZ_ROUNDS and FUZZ_SEED repeat a run. It contains the library, to give it bytes without a connection. */
#include "chimed.c"
#include <fcntl.h>
#include "tests/world.h"

static const char *const frames[] = {
    "{\"type\":\"chimed.registered\",\"data\":{\"protocol\":1,\"client\":1,\"instance\":\"one\",\"offset\":0,"
    "\"topics\":[{\"topic\":\"t\"}],\"limits\":{\"frameBytes\":1048576}}}\f",
    "{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"two\",\"uncounted\":true}}\f",
    "{\"type\":\"t.a\",\"data\":[0.4,-1e5,\"\\ud83d\\ude00\\u00e9\\n\",{\"k\":null}],\"seq\":57,\"time\":"
    "1795450476742,\"offset\":9}\f",
    "{\"type\":\"t.b\",\"data\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"seq\":58,\"time\":1.5,\"instance\":"
    "\"north\",\"stale\":true}\f",
    " \n{ \"\\u0074ype\" : \"t.a\" , \"seq\" : 9007199254740991 , \"data\" : { } }\f",
    "{\"type\":\"chimed.got\",\"data\":{\"id\":2,\"topic\":\"t.a\",\"seq\":4,\"time\":5,\"data\":{\"a\":[1]},"
    "\"instance\":\"x\"}}\f",
    "{\"type\":\"chimed.published\",\"data\":{\"id\":1,\"topic\":\"t.a\",\"seq\":5}}\f",
    "{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"unknown-topic\",\"message\":\"no\",\"request\":\"chimed."
    "register\",\"topic\":\"t.>\",\"id\":3}}\f",
    "{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"already-provided\",\"message\":\"no\",\"request\":\"chimed."
    "provide\",\"topic\":\"p\"}}\f",
    "{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"stalled\",\"message\":\"slow\"}}\f",
    "{\"type\":\"chimed.provided\",\"data\":{\"id\":4}}\f",
    "{\"type\":\"chimed.wanted\",\"data\":{\"topic\":\"p\",\"instance\":\"one\",\"seq\":3}}\f",
    "{\"type\":\"chimed.unwanted\",\"data\":{\"topic\":\"p\"}}\f",
    "{\"type\":\"chimed.failing\",\"data\":{\"topic\":\"t.a\",\"error\":\"\\u0000x\",\"since\":5,\"failures\":1}}"
    "\f",
    "{\"type\":\"chimed.recovered\",\"data\":{\"topic\":\"t.a\",\"failures\":6}}\f",
    "{\"type\":\"chimed.stopping\",\"data\":{\"reason\":\"SIGTERM\"}}\f"};

static uint64_t state = 1;

static size_t up_to(size_t most) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(state >> 33) % (most + 1);
}

/* Makes some frames, most of them damaged. */
static void make(struct buffer *bytes) {
  static const char marks[] = "{}[]\",:\\u0123456789aeE+-.tfn \n\f\xff\xc3\x80\xed";
  bytes->length = 0;
  for (size_t count = up_to(6); count > 0; count--) {
    const char *frame = frames[up_to(COUNT(frames) - 1)];
    size_t start = bytes->length, length = strlen(frame);
    add_bytes(bytes, frame, up_to(9) ? length : up_to(length));
    for (size_t changes = up_to(3) ? 0 : up_to(4); changes > 0 && bytes->length > start; changes--) {
      char *at = bytes->data + start + up_to(bytes->length - start - 1);
      *at = up_to(3) ? marks[up_to(sizeof marks - 2)] : (char)up_to(255);
    }
  }
  for (size_t random = up_to(20) ? 0 : up_to(300); random > 0; random--)
    add_bytes(bytes, &(char){(char)up_to(255)}, 1);
}

static void revive(chimed_client *c) {
  if (c->state != WAITING) return;
  c->socket = open("/dev/null", O_RDWR | O_CLOEXEC);
  CHECK(c->socket >= 0);
  c->state = GREETING;
  c->in.length = c->in_searched = 0;
  c->out.length = c->out_start = 0;
  *c->last_code = *c->last_words = 0;
  say_hello(c);
}

/* Gives bytes to a new client in pieces, each in memory of its own, so that reading past its end is found. */
static void take(const struct buffer *bytes, size_t largest_piece, struct record *heard) {
  chimed_options options = {
      .on_message = record_message, .on_event = record_event, .on_log = record_log, .user = heard};
  chimed_client *c = chimed_new(&options);
  CHECK(c);
  chimed_subscribe(c, "t.> u");
  revive(c);
  add(&c->in, frames[0]);
  take_frames(c);
  chimed_publish(c, "t.a", "1");
  chimed_get(c, "t.a");
  chimed_publish(c, "t.b", "2");
  chimed_provide(c, "p");
  for (size_t at = 0; at < bytes->length && c->state != WAITING;) {
    size_t piece = up_to(largest_piece - 1) + 1;
    if (piece > bytes->length - at) piece = bytes->length - at;
    struct buffer exact = {0};
    add_bytes(&exact, c->in.data ? c->in.data : "", c->in.length);
    add_bytes(&exact, bytes->data + at, piece);
    release(&c->in);
    c->in = exact;
    take_frames(c);
    at += piece;
  }
  revive(c);
  chimed_free(c);
}

static size_t rounds = 5000;

static void takes_the_same_from_any_bytes_in_any_pieces(void) {
  struct buffer bytes = {0};
  struct record whole = {0}, pieces = {0};
  size_t messages = 0, losses = 0;
  for (size_t round = 0; round < rounds; round++) {
    uint64_t seed = state;
    make(&bytes);
    if (bytes.length == 0) continue;
    take(&bytes, bytes.length, &whole);
    take(&bytes, 1 + up_to(20), &pieces);
    if (strcmp(whole.lines, pieces.lines) != 0)
      printf("# FUZZ_SEED=%" PRIu64 "\n# whole:\n%s# pieces:\n%s", seed, whole.lines, pieces.lines);
    CHECK_TEXT(pieces.lines, whole.lines);
    messages += whole.messages;
    losses += count_lines(&whole, "waiting connection-lost");
    forget_record(&whole);
    forget_record(&pieces);
  }
  release(&bytes);
  CHECK(messages > 0 && losses > 0);
}

/* Visits all of a value, which is valid, and checks that the helpers agree. */
static void visit(chimed_json json, int levels) {
  char text[32];
  double number;
  int64_t whole;
  const char *position = NULL, *end = json.text + json.length;
  chimed_json key, value;
  bool is_container = *json.text == '{' || *json.text == '[';
  CHECK((chimed_json_string(json, text, sizeof text) >= 0) == (*json.text == '"'));
  if (chimed_json_integer(json, &whole)) CHECK(chimed_json_number(json, &number));
  int more = -1;
  while (levels > 0 && (more = chimed_json_next(json, &position, &key, &value)) == 1) {
    CHECK(value.text > json.text && value.text + value.length <= end);
    if (*json.text == '{') CHECK(chimed_json_string(key, text, sizeof text) >= 0);
    visit(value, levels - 1);
  }
  CHECK(levels == 0 || more == (is_container ? 0 : -1));
}

static void reads_any_json(void) {
  struct buffer bytes = {0};
  size_t valid = 0;
  for (size_t round = 0; round < rounds; round++) {
    make(&bytes);
    add_bytes(&bytes, "", 1);
    bytes.data[strcspn(bytes.data, "\f")] = 0;
    char *exact = strdup(bytes.data), quoted[64];
    CHECK(exact);
    chimed_json json = chimed_json_parse(exact);
    if (json.text) visit(json, 8);
    if (json.text) valid++;
    chimed_json_get((chimed_json){exact, strlen(exact)}, "data");
    chimed_json_quote(exact, quoted, sizeof quoted);
    CHECK(chimed_json_parse(quoted).text || strlen(quoted) == sizeof quoted - 1);
    free(exact);
  }
  release(&bytes);
  CHECK(valid > 0);
}

int main(void) {
  if (getenv("FUZZ_ROUNDS")) rounds = strtoul(getenv("FUZZ_ROUNDS"), NULL, 10);
  if (getenv("FUZZ_SEED")) state = strtoull(getenv("FUZZ_SEED"), NULL, 10);
  test("takes the same from any bytes, in any pieces", takes_the_same_from_any_bytes_in_any_pieces);
  test("reads any JSON", reads_any_json);
  return tap_done();
}
