/* SPDX-License-Identifier: MIT */
/*
 * chimed.c - a client of chimed; chimed.h describes it, and chimed's docs/wire.md has the rules that it obeys.
 *
 * In this order: JSON; bytes; names, delays and places; topics; what the client says; what it reports; what the
 * daemon says; the connection; the functions of chimed.h. Only the last two read, write and wait. Callbacks can
 * call nearly everything, so no code below uses a pointer to a topic or a request after it has reported something.
 */
#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include "chimed.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define KIB ((size_t)1024)
#define LARGEST_FRAME (64 * KIB * KIB + 4 * KIB) /* from the daemon (rule 61) */
#define MOST_LEVELS 512                          /* of JSON; payloads nest 64 */
#define MOST_PAYLOAD_LEVELS 64
#define ENVELOPE_VALUES 16       /* of a frame, at most, around its payload */
#define MOST_VALUES 50000        /* in a frame to the daemon (rule 6) */
#define MOST_NAMED 40000         /* values of a registration that name positions */
#define MOST_BACKLOG (KIB * KIB) /* bytes that the daemon has not read, past which nothing is added */
#define READ_BYTES (64 * KIB)
#define READS_PER_CALL 16
#define LONGEST_TOPIC 255
#define LONGEST_REASON 4000 /* bytes; the daemon cuts it off after 1,000 characters */
#define SUCCESSION_MS 10000 /* how long the daemon can take a topic's former connection for its provider */
#define SUCCESSION_RETRY_MS 500
#define MOST_PLACES 5
#define HIGHEST_SEQ (((int64_t)1 << 53) - 1)
#define NEVER INT64_MAX
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- JSON ---- */

/* How much work a value is for the daemon, which counts like this. */
struct shape {
  size_t levels, values;
};

static const char *skip_space(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The length of the character in UTF-8 at p, 0 if there is none. */
static size_t utf8_length(const char *p, const char *end) {
  unsigned char c = (unsigned char)*p, next = end - p > 1 ? (unsigned char)p[1] : 0;
  size_t length = c < 0x80                 ? 1
                  : c >= 0xc2 && c <= 0xdf ? 2
                  : (c & 0xf0) == 0xe0     ? 3
                  : c >= 0xf0 && c <= 0xf4 ? 4
                                           : 0;
  if (length > (size_t)(end - p)) return 0;
  if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f)) return 0; /* overlong, surrogate */
  if ((c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f)) return 0; /* overlong, past U+10FFFF */
  for (size_t i = 1; i < length; i++)
    if (((unsigned char)p[i] & 0xc0) != 0x80) return 0;
  return length;
}

static int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* These return the end of what begins at p, or NULL if that is not valid. */
static const char *string_end(const char *p, const char *end) {
  if (p == end || *p++ != '"') return NULL;
  while (p < end && *p != '"') {
    if ((unsigned char)*p < 0x20) return NULL;
    if (*p != '\\') {
      size_t length = utf8_length(p, end);
      if (length == 0) return NULL;
      p += length;
    } else if (end - p < 2 || !strchr("\"\\/bfnrtu", p[1]) || !p[1]) {
      return NULL;
    } else if (p[1] != 'u') {
      p += 2;
    } else {
      if (end - p < 6) return NULL;
      for (int i = 2; i < 6; i++)
        if (hex_digit(p[i]) < 0) return NULL;
      p += 6;
    }
  }
  return p < end ? p + 1 : NULL;
}

static const char *digits_end(const char *p, const char *end) {
  if (p == end || !is_digit(*p)) return NULL;
  while (p < end && is_digit(*p)) p++;
  return p;
}

static const char *number_end(const char *p, const char *end) {
  if (p < end && *p == '-') p++;
  p = p < end && *p == '0' ? p + 1 : digits_end(p, end);
  if (p && p < end && *p == '.') p = digits_end(p + 1, end);
  if (p && p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    p = digits_end(p, end);
  }
  return p;
}

static const char *literal_end(const char *p, const char *end) {
  static const char *const literals[] = {"true", "false", "null"};
  for (size_t i = 0; i < COUNT(literals); i++) {
    size_t length = strlen(literals[i]);
    if (length <= (size_t)(end - p) && memcmp(p, literals[i], length) == 0) return p + length;
  }
  return NULL;
}

static const char *key_end(const char *p, const char *end) {
  p = string_end(skip_space(p, end), end);
  if (p) p = skip_space(p, end);
  return p && p < end && *p == ':' ? p + 1 : NULL;
}

static const char *counted_key_end(const char *p, const char *end, struct shape *shape) {
  shape->values++;
  return key_end(p, end);
}

static char closing(char opening) { return opening == '{' ? '}' : ']'; }

/* Validates any value, without recursion: opened has the brackets that are open. shape can be NULL. */
static const char *value_end(const char *p, const char *end, struct shape *shape) {
  char opened[MOST_LEVELS];
  size_t depth = 0;
  struct shape ignored, *seen = shape ? shape : &ignored;
  *seen = (struct shape){0, 1};
  for (;;) {
    p = skip_space(p, end);
    if (p == end) return NULL;
    if (*p == '{' || *p == '[') {
      if (depth == MOST_LEVELS) return NULL;
      opened[depth++] = *p;
      seen->values++;
      if (depth > seen->levels) seen->levels = depth;
      p = skip_space(p + 1, end);
      if (p == end) return NULL;
      if (*p != closing(opened[depth - 1])) {
        if (opened[depth - 1] == '{' && !(p = counted_key_end(p, end, seen))) return NULL;
        continue;
      }
    } else {
      p = *p == '"' ? string_end(p, end) : *p == '-' || is_digit(*p) ? number_end(p, end) : literal_end(p, end);
      if (!p) return NULL;
    }
    for (bool more = false; !more;) {
      if (depth == 0) return p;
      p = skip_space(p, end);
      if (p == end) return NULL;
      more = *p == ',';
      if (!more && *p != closing(opened[--depth])) return NULL;
      p++;
    }
    seen->values++;
    if (opened[depth - 1] == '{' && !(p = counted_key_end(p, end, seen))) return NULL;
  }
}

/* Decodes the character at *p within a valid string, and moves *p behind it. Returns its length in UTF-8. */
static size_t decode_character(const char **p, const char *end, char out[4]) {
  static const char escapes[] = "bfnrt", meanings[] = "\b\f\n\r\t";
  const char *at = *p, *escape;
  if (*at != '\\') {
    size_t length = utf8_length(at, end);
    memmove(out, at, length);
    *p += length;
    return length;
  }
  *p += 2;
  if (at[1] != 'u') {
    escape = strchr(escapes, at[1]);
    out[0] = escape ? meanings[escape - escapes] : at[1];
    return 1;
  }
  uint32_t code = 0, low = 0;
  for (int i = 2; i < 6; i++) code = code << 4 | (uint32_t)hex_digit(at[i]);
  *p += 4;
  if (code >= 0xd800 && code <= 0xdbff && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u')
    for (int i = 2; i < 6; i++) low = low << 4 | (uint32_t)hex_digit((*p)[i]);
  if (low >= 0xdc00 && low <= 0xdfff) {
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    *p += 6;
  }
  if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) code = 0xfffd; /* A string of C cannot contain NUL. */
  size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
  out[0] = (char)(leads[length] | code);
  return length;
}

static bool is_string(chimed_json json) {
  return json.text && string_end(json.text, json.text + json.length) == json.text + json.length;
}

static bool string_equals(chimed_json json, const char *text) {
  const char *p = json.text + 1, *end = json.text + json.length - 1;
  size_t left = strlen(text);
  for (char character[4]; p < end;) {
    size_t length = decode_character(&p, end, character);
    if (length > left || memcmp(character, text, length) != 0) return false;
    text += length;
    left -= length;
  }
  return left == 0;
}

chimed_json chimed_json_parse(const char *text) {
  const char *end = text + strlen(text), *start = skip_space(text, end), *after = value_end(start, end, NULL);
  if (!after || skip_space(after, end) != end) return (chimed_json){NULL, 0};
  return (chimed_json){start, (size_t)(after - start)};
}

int chimed_json_next(chimed_json json, const char **position, chimed_json *key, chimed_json *value) {
  if (!json.text || json.length < 2 || (*json.text != '{' && *json.text != '[')) return -1;
  const char *end = json.text + json.length, *p = skip_space(*position ? *position : json.text + 1, end), *start;
  if (p == end) return -1;
  if (*p == closing(*json.text)) {
    *position = p + 1;
    return 0;
  }
  if (*position && *p++ != ',') return -1;
  if (*json.text == '{') {
    start = skip_space(p, end);
    if (!(p = string_end(start, end))) return -1;
    if (key) *key = (chimed_json){start, (size_t)(p - start)};
    if (!(p = key_end(start, end))) return -1;
  }
  start = skip_space(p, end);
  if (!(p = value_end(start, end, NULL))) return -1;
  *value = (chimed_json){start, (size_t)(p - start)};
  *position = p;
  return 1;
}

/* Finds the values of some keys of an object, and validates all of it. The last of equal keys counts. */
static bool read_fields(chimed_json json, const char *const keys[], chimed_json values[], size_t count) {
  const char *position = NULL;
  chimed_json key, value;
  int more;
  if (!json.text || *json.text != '{') return false;
  while ((more = chimed_json_next(json, &position, &key, &value)) == 1)
    for (size_t i = 0; i < count; i++)
      if (string_equals(key, keys[i])) values[i] = value;
  return more == 0 && position == json.text + json.length;
}

chimed_json chimed_json_get(chimed_json json, const char *key) {
  chimed_json value = {NULL, 0};
  return read_fields(json, &key, &value, 1) ? value : (chimed_json){NULL, 0};
}

chimed_json chimed_json_at(chimed_json json, size_t index) {
  const char *position = NULL;
  chimed_json value = {NULL, 0};
  if (!json.text || *json.text != '[') return value;
  while (chimed_json_next(json, &position, NULL, &value) == 1)
    if (index-- == 0) return value;
  return (chimed_json){NULL, 0};
}

bool chimed_json_number(chimed_json json, double *number) {
  if (!json.text || number_end(json.text, json.text + json.length) != json.text + json.length) return false;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* strtod() expects the decimal point of the locale. */
  if (!c) return false;
  locale_t former = uselocale(c);
  *number = strtod(json.text, NULL);
  uselocale(former);
  freelocale(c);
  return true;
}

bool chimed_json_integer(chimed_json json, int64_t *number) {
  const char *p = json.text, *end = p ? p + json.length : p;
  if (!p || number_end(p, end) != end) return false;
  bool negative = *p == '-';
  uint64_t value = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
  for (p += negative; p < end; p++) {
    unsigned digit = (unsigned)(*p - '0');
    if (!is_digit(*p) || value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = negative ? (int64_t)(0 - value) : (int64_t)value;
  return true;
}

ssize_t chimed_json_string(chimed_json json, char *out, size_t size) {
  if (!is_string(json)) return -1;
  const char *p = json.text + 1, *end = json.text + json.length - 1;
  size_t length = 0, written = 0;
  for (char character[4]; p < end;) {
    size_t more = decode_character(&p, end, character);
    if (written == length && length + more < size) {
      memcpy(out + length, character, more);
      written += more;
    }
    length += more;
  }
  if (size > 0) out[written] = 0;
  return (ssize_t)length;
}

size_t chimed_json_quote(const char *text, char *out, size_t size) {
  const char *end = text + strlen(text);
  size_t length = 0;
  for (int quote = 0; quote < 2; quote++) { /* the opening quote and the text, then the closing one */
    if (length + 1 < size) out[length] = '"';
    length++;
    while (text < end) {
      char escape[8];
      const char *piece = text;
      size_t used = utf8_length(text, end), more = used;
      if (used == 0) used = 1, more = 3, piece = "\xef\xbf\xbd";
      if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20) {
        more = (size_t)snprintf(escape, sizeof escape, (unsigned char)*text < 0x20 ? "\\u%04x" : "\\%c", *text);
        piece = escape;
      }
      for (size_t i = 0; i < more; i++, length++)
        if (length + 1 < size) out[length] = piece[i];
      text += used;
    }
  }
  if (size > 0) out[length < size ? length : size - 1] = 0;
  return length;
}

/* Decodes a string where it stands, which it never outgrows. Returns NULL if it is not a string. */
static char *decode_in_place(chimed_json json) {
  char *out = (char *)json.text;
  return chimed_json_string(json, out, json.length) < 0 ? NULL : out;
}

/* ---- Bytes ---- */

struct buffer {
  char *data;
  size_t length, capacity;
  bool failed; /* Memory ran out: the content is not complete. */
};

static bool reserve(struct buffer *b, size_t more) {
  size_t needed = b->length + more, capacity = b->capacity * 2 > needed ? b->capacity * 2 : needed;
  if (!b->failed && needed <= b->capacity) return true;
  char *data = b->failed || more > SIZE_MAX / 4 ? NULL : realloc(b->data, capacity);
  if (!data) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->capacity = capacity;
  return true;
}

static void add_bytes(struct buffer *b, const char *bytes, size_t length) {
  if (length == 0 || !reserve(b, length)) return;
  memcpy(b->data + b->length, bytes, length);
  b->length += length;
}

static void add(struct buffer *b, const char *text) { add_bytes(b, text, strlen(text)); }

static void add_number(struct buffer *b, uint64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, number);
  add(b, text);
}

static void add_quoted(struct buffer *b, const char *text) {
  size_t length = chimed_json_quote(text, NULL, 0);
  if (!reserve(b, length + 1)) return;
  chimed_json_quote(text, b->data + b->length, length + 1);
  b->length += length;
}

/* Adds an element of a list, or a key of an object, which begin behind the byte at start. */
static void add_element(struct buffer *b, size_t start, const char *text) {
  if (b->length > start) add(b, ",");
  add_quoted(b, text);
}

static void release(struct buffer *b) {
  free(b->data);
  *b = (struct buffer){0};
}

/* ---- Names, delays, places ---- */

/* Reports whether text is a topic, or with wildcards allowed a pattern. */
static bool is_name(const char *text, size_t length, bool wildcards) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (length == 0 || length > LONGEST_TOPIC) return false;
  if (length >= 6 && memcmp(text, "chimed", 6) == 0 && (length == 6 || text[6] == '.')) return false;
  for (size_t from = 0;;) {
    size_t word = 0;
    while (from + word < length && text[from + word] != '.') word++;
    size_t to = from + word;
    bool wildcard = word == 1 && wildcards && (text[from] == '*' || (text[from] == '>' && to == length));
    if (word == 0) return false;
    for (size_t i = from; i < to && !wildcard; i++)
      if (text[i] == 0 || !strchr(letters, text[i])) return false;
    if (to == length) return true;
    from = to + 1;
  }
}

static bool is_topic(const char *text) { return text && is_name(text, strnlen(text, LONGEST_TOPIC + 1), false); }

static bool matches(const char *pattern, const char *topic) {
  for (;; pattern++, topic++) {
    if (strcmp(pattern, ">") == 0) return *topic != 0;
    size_t word = strcspn(pattern, "."), other = strcspn(topic, ".");
    bool any = word == 1 && *pattern == '*' && other > 0;
    if (!any && (word != other || memcmp(pattern, topic, word) != 0)) return false;
    pattern += word;
    topic += other;
    if (!*pattern || !*topic) return *pattern == *topic;
  }
}

/* A random delay: up to min_ms after the first failure, doubling up to max_ms (rule 30). */
static unsigned backoff_ms(unsigned attempt, unsigned min_ms, unsigned max_ms, uint64_t random) {
  uint64_t bound = (uint64_t)min_ms << (attempt > 31 ? 30 : attempt - 1);
  return (unsigned)(random % ((bound < max_ms ? bound : max_ms) + 1));
}

/* What decides where a daemon is searched for. */
struct surroundings {
  uid_t uid;
  const char *socket, *xdg, *tmp;
};

struct place {
  char path[sizeof((struct sockaddr_un *)0)->sun_path];
  bool own;      /* It is in a directory of the user's own, which must be checked (rule 34). */
  bool too_long; /* The path does not fit. */
};

__attribute__((format(printf, 4, 5))) static void add_place(struct place places[], size_t *count, bool own,
                                                            const char *format, ...) {
  struct place *place = &places[(*count)++];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(place->path, sizeof place->path, format, arguments);
  va_end(arguments);
  place->own = own;
  place->too_long = (size_t)length >= sizeof place->path;
}

/* Lists the sockets to try, in order (rules 32 and 33). Returns how many there are. */
static size_t find_places(const struct surroundings *here, struct place places[MOST_PLACES]) {
  size_t count = 0;
  if (here->socket && *here->socket) {
    add_place(places, &count, false, "%s", here->socket);
    return count;
  }
  if (here->uid != 0) {
    unsigned uid = (unsigned)here->uid;
    const char *tmp = here->tmp && *here->tmp ? here->tmp : "/tmp";
    if (here->xdg && *here->xdg) add_place(places, &count, true, "%s/chimed/chimed.sock", here->xdg);
    add_place(places, &count, true, "/run/user/%u/chimed/chimed.sock", uid);
    add_place(places, &count, true, "%s/chimed-%u/chimed.sock", tmp, uid);
  }
  add_place(places, &count, false, "/run/chimed/chimed.sock");
  add_place(places, &count, false, "/run/chimed/daemon/chimed.sock");
  return count;
}

/* ---- Topics ---- */

enum providing { NOT_PROVIDED, UNASKED, ASKED, PROVIDED };

/* What the client knows of a topic: where it stands in it, and whether it provides it. */
struct topic {
  char *name;
  bool received; /* seq and instance are those of the last message */
  uint64_t seq;
  char *instance; /* NULL: the daemon's. */
  enum providing providing;
  bool wanted, was_provided, failure_due, sender_waits;
  uint64_t asked_id;
  int64_t ask_at;
  char *failure; /* Why it fails, or NULL. */
};

struct request {
  struct request *next;
  uint64_t id;
  int64_t deadline;
  const char *doomed; /* The code with which it fails before it is sent. */
  bool sent;
  char *topic, *frame; /* in the same allocation */
  size_t length;
  struct shape shape;
};

enum state { CLOSED, WAITING, GREETING, READY };

struct chimed_client {
  chimed_options options; /* its strings are copies */
  enum state state;
  unsigned busy; /* calls that emit something and are not finished */
  bool free_later, paused;
  char **patterns;
  size_t pattern_count;
  struct topic **topics; /* a hash table with open addressing */
  size_t topic_count, topic_capacity, topic_changes;
  char *instance; /* the daemon's; NULL before the first registration */
  size_t frame_bytes;
  bool was_refused; /* The daemon has refused the last registration, maybe since it resumes. */
  bool is_refused;  /* This connection was not registered, and must end. */
  struct request *requests, *unsent; /* unsent: the first of them that was not sent */
  struct request **requests_end;     /* where the next one is linked */
  uint64_t last_id;
  bool has_doomed, sender_waits, has_failures;
  struct buffer in, out;
  size_t in_start, in_searched, out_start;
  char last_words[512]; /* why the daemon is about to close the connection */
  char last_code[32];
  /* The connection. */
  int socket, epoll, timer;
  uint32_t interest; /* what epoll watches the socket for */
  bool peer_is_deaf; /* It reads nothing more, but what it has sent can still be read. */
  bool wake;
  unsigned attempt;
  int64_t armed;                      /* when the timer fires, 0: never. All times are in ms, monotonic */
  int64_t deadline, ready_at, ask_at; /* deadline: of the retry, or of the answer to the registration */
};

/* The slot of a topic, or the free one where it belongs. The table must not be empty. */
static size_t slot_of(const chimed_client *c, const char *name) {
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (const char *p = name; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
  size_t slot = (size_t)(hash ^ hash >> 32) & (c->topic_capacity - 1);
  while (c->topics[slot] && strcmp(c->topics[slot]->name, name) != 0) slot = (slot + 1) & (c->topic_capacity - 1);
  return slot;
}

static struct topic *find_topic(const chimed_client *c, const char *name) {
  return c->topic_capacity ? c->topics[slot_of(c, name)] : NULL;
}

static struct topic *find_provided(const chimed_client *c, const char *name) {
  struct topic *t = is_topic(name) ? find_topic(c, name) : NULL;
  return t && t->providing != NOT_PROVIDED ? t : NULL;
}

/* Moves all topics to a table of another capacity. */
static bool resize_topics(chimed_client *c, size_t capacity) {
  struct topic **former = c->topics;
  size_t former_capacity = c->topic_capacity;
  struct topic **topics = calloc(capacity, sizeof *topics);
  if (!topics) return false;
  c->topics = topics;
  c->topic_capacity = capacity;
  for (size_t i = 0; i < former_capacity; i++)
    if (former[i]) c->topics[slot_of(c, former[i]->name)] = former[i];
  free(former);
  return true;
}

/* Finds or adds a topic. Returns NULL if memory ran out. */
static struct topic *add_topic(chimed_client *c, const char *name) {
  struct topic *t = find_topic(c, name);
  if (t) return t;
  if (2 * (c->topic_count + 1) > c->topic_capacity &&
      !resize_topics(c, c->topic_capacity ? 2 * c->topic_capacity : 16))
    return NULL;
  t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->name = strdup(name);
  if (!t->name) {
    free(t);
    return NULL;
  }
  c->topics[slot_of(c, name)] = t;
  c->topic_count++;
  c->topic_changes++;
  return t;
}

static void free_topic(struct topic *t) {
  free(t->name);
  free(t->instance);
  free(t->failure);
  free(t);
}

/* Removes the topics of which there is nothing to remember. */
static void sweep_topics(chimed_client *c) {
  for (size_t i = 0; i < c->topic_capacity;) {
    struct topic *t = c->topics[i];
    if (!t || t->received || t->providing != NOT_PROVIDED) {
      i++;
      continue;
    }
    free_topic(t);
    c->topics[i] = NULL;
    c->topic_count--;
    c->topic_changes++;
    /* Those behind it may have to close the gap. */
    for (size_t from = (i + 1) & (c->topic_capacity - 1); c->topics[from];
         from = (from + 1) & (c->topic_capacity - 1)) {
      struct topic *moved = c->topics[from];
      c->topics[from] = NULL;
      c->topics[slot_of(c, moved->name)] = moved;
    }
  }
}

static bool is_subscribed(const chimed_client *c, const char *topic) {
  for (size_t i = 0; i < c->pattern_count; i++)
    if (matches(c->patterns[i], topic)) return true;
  return false;
}

static void forget(struct topic *t) {
  t->received = false;
  free(t->instance);
  t->instance = NULL;
}

/* Forgets the numbers of topics that no pattern matches any more (rule 67). */
static void forget_unsubscribed(chimed_client *c) {
  for (size_t i = 0; i < c->topic_capacity; i++)
    if (c->topics[i] && c->topics[i]->received && !is_subscribed(c, c->topics[i]->name)) forget(c->topics[i]);
  sweep_topics(c);
}

static void stop_providing(struct topic *t) {
  t->providing = NOT_PROVIDED;
  t->wanted = t->was_provided = t->failure_due = t->sender_waits = false;
  free(t->failure);
  t->failure = NULL;
}

static size_t find_pattern(const chimed_client *c, const char *pattern, size_t length) {
  size_t i = 0;
  while (i < c->pattern_count && (strncmp(c->patterns[i], pattern, length) != 0 || c->patterns[i][length])) i++;
  return i;
}

static void remove_pattern(chimed_client *c, size_t index) {
  free(c->patterns[index]);
  c->patterns[index] = c->patterns[--c->pattern_count];
}

/* ---- What the client says: these only add frames to c->out ---- */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t backlog(const chimed_client *c) { return c->out.length - c->out_start; }

/* Adds as many positions as fit into the frame, and into what the daemon can parse (rules 20, 69). The topics that
   are left out begin with their latest message, and are counted all the same. */
static size_t add_positions(chimed_client *c, struct buffer *out, size_t frame_start) {
  static const char between[] = "},\"instances\":{";
  size_t values = 2 * c->pattern_count, left_out = 0;
  size_t used = out->length - frame_start + strlen(between) + strlen("}}}}");
  size_t most = c->frame_bytes < KIB * KIB ? c->frame_bytes : KIB * KIB;
  size_t start = out->length;
  struct buffer instances = {0};
  for (size_t i = 0; i < c->topic_capacity; i++) {
    const struct topic *t = c->topics[i];
    if (!t || !t->received) continue;
    char number[24];
    size_t length = strlen(t->name) + 4 + (size_t)snprintf(number, sizeof number, "%" PRIu64, t->seq);
    if (t->instance) length += strlen(t->name) + chimed_json_quote(t->instance, NULL, 0) + 4;
    if (used + length > most || values + 4 > MOST_NAMED) {
      left_out++;
      continue;
    }
    used += length;
    values += t->instance ? 4 : 2;
    add_element(out, start, t->name);
    add(out, ":");
    add(out, number);
    if (!t->instance) continue;
    add_element(&instances, 0, t->name);
    add(&instances, ":");
    add_quoted(&instances, t->instance);
  }
  add(out, between);
  add_bytes(out, instances.data, instances.length);
  if (instances.failed) out->failed = true;
  release(&instances);
  return left_out;
}

/* The first frame of a connection (rule 64). Returns how many topics are not resumed for lack of room. */
static size_t say_hello(chimed_client *c) {
  struct buffer *out = &c->out;
  size_t frame_start = out->length, left_out = 0;
  add(out, "{\"type\":\"chimed.register\",\"data\":{");
  if (c->options.name) {
    add(out, "\"name\":");
    add_quoted(out, c->options.name);
    add(out, ",");
  }
  add(out, "\"topics\":[");
  for (size_t i = 0, start = out->length; i < c->pattern_count; i++) add_element(out, start, c->patterns[i]);
  add(out, "]");
  if (c->instance && !c->was_refused) {
    add(out, ",\"resume\":{\"instance\":");
    add_quoted(out, c->instance);
    add(out, ",\"after\":{");
    left_out = add_positions(c, out, frame_start);
    add(out, "}}");
  }
  add(out, "}}\f");
  return left_out;
}

/* Sends the requests that wait, as far as the daemon reads (rule 68). */
static void send_requests(chimed_client *c) {
  struct request *r = c->unsent;
  for (; r && backlog(c) < MOST_BACKLOG; r = r->next) {
    if (r->length - 1 > c->frame_bytes || r->shape.values + ENVELOPE_VALUES > MOST_VALUES ||
        r->shape.levels > MOST_PAYLOAD_LEVELS) {
      r->doomed = "too-large";
      c->has_doomed = c->wake = true;
      continue;
    }
    add_bytes(&c->out, r->frame, r->length);
    r->sent = true;
  }
  c->unsent = r;
}

/* Asks to provide the topics for which the daemon was not asked (rules 45, 70), in frames that it accepts. */
static void ask_to_provide(chimed_client *c, int64_t now) {
  struct buffer *out = &c->out;
  size_t count = 0, frame_start = 0, start = 0;
  c->ask_at = NEVER;
  for (size_t i = 0; i < c->topic_capacity; i++) {
    struct topic *t = c->topics[i];
    if (!t || t->providing != UNASKED) continue;
    if (t->ask_at > now) {
      if (t->ask_at < c->ask_at) c->ask_at = t->ask_at;
      continue;
    }
    if (count > 0 && (out->length - frame_start + strlen(t->name) + 6 > c->frame_bytes || count == MOST_NAMED)) {
      add(out, "]}}\f");
      count = 0;
    }
    if (count++ == 0) {
      frame_start = out->length;
      add(out, "{\"type\":\"chimed.provide\",\"data\":{\"id\":");
      add_number(out, ++c->last_id);
      add(out, ",\"topics\":[");
      start = out->length;
    }
    add_element(out, start, t->name);
    t->providing = ASKED;
    t->asked_id = c->last_id;
  }
  if (count > 0) add(out, "]}}\f");
}

static void add_failure(struct buffer *out, const char *topic, const char *reason) {
  add(out, "{\"type\":\"chimed.fail\",\"data\":{\"topic\":");
  add_quoted(out, topic);
  add(out, ",\"error\":");
  if (reason) add_quoted(out, reason);
  else add(out, "null");
  add(out, "}}\f");
}

static void say_failures(chimed_client *c) {
  c->has_failures = false;
  for (size_t i = 0; i < c->topic_capacity; i++) {
    struct topic *t = c->topics[i];
    if (!t || !t->failure_due || t->providing != PROVIDED) continue;
    size_t start = c->out.length;
    add_failure(&c->out, t->name, t->failure);
    if (c->out.length - start - 1 > c->frame_bytes) {
      c->out.length = start;
      add_failure(&c->out, t->name, "the reason does not fit into a frame");
    }
    t->failure_due = false;
  }
}

/* Adds what there is to say and the daemon has room for. */
static void pump(chimed_client *c) {
  if (c->state != READY) return;
  send_requests(c);
  if (backlog(c) >= MOST_BACKLOG) return;
  if (c->ask_at != NEVER) ask_to_provide(c, now_ms());
  if (c->has_failures) say_failures(c);
}

/* ---- What is emitted ---- */

__attribute__((format(printf, 3, 4))) static void report(const chimed_client *c, chimed_level level,
                                                         const char *format, ...) {
  if (!c->options.on_log) return;
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  c->options.on_log(level, line, c->options.user);
}

static void emit(chimed_client *c, const chimed_event *event) {
  if (c->state == CLOSED && event->type != CHIMED_FAILED) return;
  if (c->options.on_event) c->options.on_event(c, event, c->options.user);
}

/* Takes a request out of the list, at this link. */
static struct request *unlink_request(chimed_client *c, struct request **link) {
  struct request *r = *link;
  *link = r->next;
  if (c->unsent == r) c->unsent = r->next;
  if (c->requests_end == &r->next) c->requests_end = link;
  return r;
}

static struct request *take_request(chimed_client *c, chimed_json id) {
  int64_t number;
  if (!chimed_json_integer(id, &number)) return NULL;
  for (struct request **link = &c->requests; *link; link = &(*link)->next)
    if ((*link)->id == (uint64_t)number) return unlink_request(c, link);
  return NULL;
}

static void fail_request(chimed_client *c, struct request *r, const char *code, const char *message) {
  emit(c, &(chimed_event){.type = CHIMED_FAILED, .id = r->id, .topic = r->topic, .code = code, .message = message});
  free(r);
}

/* Fails the requests that are too large, and those that are overdue. */
static void fail_overdue(chimed_client *c, int64_t now) {
  char message[700];
  while (c->has_doomed) {
    struct request **link = &c->requests;
    while (*link && !(*link)->doomed) link = &(*link)->next;
    c->has_doomed = *link != NULL;
    if (!*link) break;
    struct request *r = unlink_request(c, link);
    snprintf(message, sizeof message,
             "frame too large: %zu bytes, %zu values, %zu levels; limit %zu bytes (clients.frameBytes), %d values, "
             "%d levels",
             r->length - 1, r->shape.values, r->shape.levels, c->frame_bytes, MOST_VALUES, MOST_PAYLOAD_LEVELS);
    fail_request(c, r, r->doomed, message);
  }
  while (c->requests && c->requests->deadline <= now) {
    bool absent = c->state == WAITING && *c->last_words;
    snprintf(message, sizeof message, "no answer within %u ms%s%s", c->options.timeout_ms, absent ? ": " : "",
             absent ? c->last_words : "");
    fail_request(c, unlink_request(c, &c->requests), "timeout", message);
  }
}

/* ---- What the daemon says. Handlers return false if memory ran out. ---- */

/* The fields that messages and chimed.got share. */
enum { SEQ, DATA, TIME, OFFSET, INSTANCE, STALE, MESSAGE_FIELDS };
#define MESSAGE_FIELD_NAMES "seq", "data", "time", "offset", "instance", "stale"

static bool is_true(chimed_json json) { return json.text && *json.text == 't'; }

/* Returns false for what is not a message: it has no number, or one that cannot be. */
static bool read_message(chimed_client *c, chimed_message *m, const chimed_json fields[MESSAGE_FIELDS]) {
  int64_t seq;
  double time = 0;
  if (!chimed_json_integer(fields[SEQ], &seq) || seq < 1 || seq > HIGHEST_SEQ || !fields[DATA].text) return false;
  m->seq = (uint64_t)seq;
  m->data = fields[DATA];
  if (chimed_json_number(fields[TIME], &time) && time > -9e15 && time < 9e15) m->time = (int64_t)time;
  if (!chimed_json_integer(fields[OFFSET], &m->offset)) m->offset = -1;
  m->stale = is_true(fields[STALE]);
  m->instance = decode_in_place(fields[INSTANCE]);
  if (!m->instance) m->instance = c->instance;
  ((char *)m->data.text)[m->data.length] = 0; /* All fields have been read. */
  return true;
}

static bool take_message(chimed_client *c, const char *name, const chimed_json fields[MESSAGE_FIELDS]) {
  chimed_message m = {.topic = name};
  if (c->state != READY || !is_topic(name) || !read_message(c, &m, fields)) return true;
  struct topic *t = find_topic(c, name);
  bool known = t && t->received;
  if (!known && !is_subscribed(c, name)) return true;
  bool same = known && strcmp(t->instance ? t->instance : c->instance, m.instance) == 0;
  if (same && m.seq <= t->seq) return true;
  if (same) m.missed = m.seq - t->seq - 1;
  if (!t && !(t = add_topic(c, name))) return false;
  if (!same) {
    bool own = strcmp(m.instance, c->instance) != 0;
    char *instance = own ? strdup(m.instance) : NULL;
    if (own && !instance) return false;
    free(t->instance);
    t->instance = instance;
  }
  t->seq = m.seq;
  t->received = true;
  if (known && !same) {
    report(c, CHIMED_WARNING, "the numbering of %s has changed: an unknown number of messages may be lost", name);
    emit(c, &(chimed_event){.type = CHIMED_UNCOUNTED, .topic = name});
    if (c->state == CLOSED || !is_subscribed(c, name)) return true;
  }
  if (c->options.on_message) c->options.on_message(c, &m, c->options.user);
  return true;
}

static bool take_registered(chimed_client *c, chimed_json data) {
  enum { NUMBERING, UNCOUNTED, CLIENT, LIMITS, FIELDS };
  static const char *const names[] = {"instance", "uncounted", "client", "limits"};
  chimed_json fields[FIELDS] = {{NULL, 0}};
  if (!read_fields(data, names, fields, FIELDS)) return true;
  int64_t client = 0, most = 0;
  chimed_json_integer(fields[CLIENT], &client);
  chimed_json_integer(chimed_json_get(fields[LIMITS], "frameBytes"), &most);
  c->frame_bytes = most > 0 ? (size_t)most : SIZE_MAX;
  c->was_refused = false;
  const char *instance = decode_in_place(fields[NUMBERING]);
  bool uncounted = is_true(fields[UNCOUNTED]);
  if (!instance) instance = "";
  if (!c->instance || strcmp(c->instance, instance) != 0) {
    char *copy = strdup(instance);
    if (!copy) return false;
    free(c->instance);
    c->instance = copy;
    for (size_t i = 0; i < c->topic_capacity; i++) { /* They belonged to the former numbering (rule 17). */
      struct topic *t = c->topics[i];
      if (!t || !t->received || t->instance) continue;
      forget(t);
      uncounted = true;
    }
    sweep_topics(c);
  }
  if (c->state == GREETING) {
    c->state = READY;
    c->attempt = 0;
    c->ready_at = now_ms();
    c->ask_at = 0;
    *c->last_words = 0;
    report(c, CHIMED_INFO, "connected to chimed as client %" PRId64, client);
    emit(c, &(chimed_event){.type = CHIMED_READY, .instance = c->instance});
  }
  if (uncounted) {
    report(c, CHIMED_WARNING, "an unknown number of messages may be lost: the daemon began a new numbering");
    emit(c, &(chimed_event){.type = CHIMED_UNCOUNTED});
  }
  return true;
}

/* Reads a topic and another string. */
static char *read_topic(chimed_json data, const char *name, char **other) {
  const char *const names[] = {"topic", name};
  chimed_json fields[2] = {{NULL, 0}, {NULL, 0}};
  if (!read_fields(data, names, fields, 2)) return NULL;
  if (other) *other = decode_in_place(fields[1]);
  return decode_in_place(fields[0]);
}

static bool take_failing(chimed_client *c, chimed_json data) {
  char *error = NULL, *topic = read_topic(data, "error", &error);
  if (!topic) return true;
  report(c, CHIMED_WARNING, "the source of %s is failing: %s", topic, error ? error : "");
  emit(c, &(chimed_event){.type = CHIMED_FAILING, .topic = topic, .message = error ? error : ""});
  return true;
}

static bool take_recovered(chimed_client *c, chimed_json data) {
  char *topic = read_topic(data, "", NULL);
  if (!topic) return true;
  report(c, CHIMED_INFO, "the source of %s has recovered", topic);
  emit(c, &(chimed_event){.type = CHIMED_RECOVERED, .topic = topic});
  return true;
}

static bool take_published(chimed_client *c, chimed_json data) {
  int64_t seq = 0;
  struct request *r = take_request(c, chimed_json_get(data, "id"));
  if (!r) return true;
  chimed_json_integer(chimed_json_get(data, "seq"), &seq);
  emit(c, &(chimed_event){.type = CHIMED_PUBLISHED, .id = r->id, .topic = r->topic, .seq = (uint64_t)seq});
  free(r);
  return true;
}

static bool take_got(chimed_client *c, chimed_json data) {
  enum { ID = MESSAGE_FIELDS, FIELDS };
  static const char *const names[] = {MESSAGE_FIELD_NAMES, "id"};
  chimed_json fields[FIELDS] = {{NULL, 0}};
  if (!read_fields(data, names, fields, FIELDS)) return true;
  struct request *r = take_request(c, fields[ID]);
  if (!r) return true;
  chimed_message last = {.topic = r->topic};
  bool has_last = read_message(c, &last, fields);
  emit(c, &(chimed_event){.type = CHIMED_GOT, .id = r->id, .topic = r->topic, .last = has_last ? &last : NULL});
  free(r);
  return true;
}

static bool take_provided(chimed_client *c, chimed_json data) {
  int64_t id = 0;
  if (!chimed_json_integer(chimed_json_get(data, "id"), &id)) return true;
  for (size_t i = 0; i < c->topic_capacity; i++) {
    struct topic *t = c->topics[i];
    if (!t || t->providing != ASKED || t->asked_id != (uint64_t)id) continue;
    t->providing = PROVIDED;
    t->was_provided = true;
    if (t->failure_due) c->has_failures = true;
    if (t->sender_waits) c->sender_waits = true;
    t->sender_waits = false;
  }
  return true;
}

static bool take_wanted(chimed_client *c, chimed_json data) {
  int64_t seq = 0;
  chimed_json_integer(chimed_json_get(data, "seq"), &seq);
  char *instance = NULL, *name = read_topic(data, "instance", &instance);
  struct topic *t = find_provided(c, name);
  if (!t || t->providing != PROVIDED) return true;
  t->wanted = true;
  emit(c, &(chimed_event){.type = CHIMED_WANTED, .topic = name, .instance = instance, .seq = (uint64_t)seq});
  return true;
}

static bool take_unwanted(chimed_client *c, chimed_json data) {
  char *name = read_topic(data, "", NULL);
  struct topic *t = find_provided(c, name);
  if (!t || !t->wanted) return true;
  t->wanted = false;
  emit(c, &(chimed_event){.type = CHIMED_UNWANTED, .topic = name});
  return true;
}

/* The daemon refuses a topic, or takes it away (rules 46, 58). */
static void lose_provided(chimed_client *c, struct topic *t, const char *code, const char *message) {
  int64_t now = now_ms();
  /* The daemon may not have noticed yet that the former connection is gone. */
  if (strcmp(code, "already-provided") == 0 && t->was_provided && now - c->ready_at < SUCCESSION_MS) {
    t->providing = UNASKED;
    t->ask_at = now + SUCCESSION_RETRY_MS;
    if (c->ask_at > t->ask_at) c->ask_at = t->ask_at;
    return;
  }
  char name[LONGEST_TOPIC + 1];
  snprintf(name, sizeof name, "%s", t->name);
  stop_providing(t);
  sweep_topics(c);
  emit(c, &(chimed_event){.type = CHIMED_UNPROVIDED, .topic = name, .code = code, .message = message});
}

static void take_provide_rejection(chimed_client *c, const char *name, chimed_json id_text, const char *code,
                                   const char *message) {
  int64_t id = 0;
  bool has_id = chimed_json_integer(id_text, &id);
  if (name) {
    struct topic *t = find_provided(c, name);
    /* With another id, it is about a topic that the program has given up and provided again since. */
    if (t && !(has_id && t->providing != PROVIDED && t->asked_id != (uint64_t)id))
      lose_provided(c, t, code, message);
    return;
  }
  for (size_t i = 0; i < c->topic_capacity; i++) { /* All topics of the request are refused. */
    struct topic *t = c->topics[i];
    if (!t || t->providing != ASKED || (has_id && t->asked_id != (uint64_t)id)) continue;
    lose_provided(c, t, code, message);
    i = SIZE_MAX; /* The table may have changed: begin again. */
  }
}

static bool take_rejected(chimed_client *c, chimed_json data) {
  enum { CODE, MESSAGE, REQUEST, TOPIC, ID, FIELDS };
  static const char *const names[] = {"code", "message", "request", "topic", "id"};
  chimed_json fields[FIELDS] = {{NULL, 0}};
  if (!read_fields(data, names, fields, FIELDS)) return true;
  const char *code = decode_in_place(fields[CODE]), *message = decode_in_place(fields[MESSAGE]);
  const char *request = decode_in_place(fields[REQUEST]), *topic = decode_in_place(fields[TOPIC]);
  if (!code) code = "bad-request";
  if (!message) message = "";
  bool is_refused = c->state == GREETING && request && strcmp(request, "chimed.register") == 0 && !topic &&
                    strcmp(code, "too-fast") != 0;
  if (is_refused || (!request && !fields[ID].text)) { /* It is about the connection, whose end follows. */
    c->is_refused = is_refused;
    snprintf(c->last_words, sizeof c->last_words, "%s: %s", code, message);
    snprintf(c->last_code, sizeof c->last_code, "%s", code);
    return true;
  }
  report(c, CHIMED_WARNING, "%s refused%s%s: %s: %s", request ? request : "request", topic ? " for " : "",
         topic ? topic : "", code, message);
  if (strcmp(code, "too-fast") == 0) return true; /* It is a warning (rule 36). */
  struct request *r = take_request(c, fields[ID]);
  if (r) {
    fail_request(c, r, code, message);
  } else if (!request) {
    return true;
  } else if (strcmp(request, "chimed.register") == 0) {
    size_t index = topic ? find_pattern(c, topic, strlen(topic)) : c->pattern_count;
    if (topic && index == c->pattern_count) return true;
    if (topic) {
      remove_pattern(c, index);
      forget_unsubscribed(c);
    }
    emit(c, &(chimed_event){.type = CHIMED_REFUSED, .topic = topic, .code = code, .message = message});
  } else if (strcmp(request, "chimed.provide") == 0) {
    take_provide_rejection(c, topic, fields[ID], code, message);
  } else if (strncmp(request, "chimed.", 7) != 0) {
    emit(c, &(chimed_event){.type = CHIMED_DROPPED, .topic = request, .code = code, .message = message});
  }
  return true;
}

static bool take_stopping(chimed_client *c, chimed_json data) {
  char *reason = decode_in_place(chimed_json_get(data, "reason"));
  snprintf(c->last_words, sizeof c->last_words, "the daemon stopped: %s", reason ? reason : "no reason given");
  snprintf(c->last_code, sizeof c->last_code, "no-daemon");
  return true;
}

static const struct {
  const char *type;
  bool (*take)(chimed_client *c, chimed_json data);
} control_frames[] = {
    {"chimed.registered", take_registered},
    {"chimed.published", take_published},
    {"chimed.got", take_got},
    {"chimed.failing", take_failing},
    {"chimed.recovered", take_recovered},
    {"chimed.wanted", take_wanted},
    {"chimed.unwanted", take_unwanted},
    {"chimed.provided", take_provided},
    {"chimed.rejected", take_rejected},
    {"chimed.stopping", take_stopping},
};

/* Takes a frame, which it may change. Returns what is wrong with the connection, or NULL. */
static const char *take_frame(chimed_client *c, char *text, size_t length) {
  enum { TYPE = MESSAGE_FIELDS, FIELDS };
  static const char *const names[] = {MESSAGE_FIELD_NAMES, "type"};
  chimed_json fields[FIELDS] = {{NULL, 0}};
  const char *end = text + length, *start = skip_space(text, end);
  while (end > start && skip_space(end - 1, end) == end) end--;
  if (!read_fields((chimed_json){start, (size_t)(end - start)}, names, fields, FIELDS) ||
      !is_string(fields[TYPE]) || fields[TYPE].length == 2)
    return "the daemon sent something that is not a frame";
  const char *type = decode_in_place(fields[TYPE]);
  bool done = true;
  if (strncmp(type, "chimed.", 7) != 0) done = take_message(c, type, fields);
  else
    for (size_t i = 0; i < COUNT(control_frames); i++)
      if (strcmp(type, control_frames[i].type) == 0) done = control_frames[i].take(c, fields[DATA]);
  if (c->is_refused) return c->last_words;
  return done ? NULL : "out of memory";
}

/* ---- The connection ---- */

static void watch_socket(chimed_client *c) {
  bool reads = c->socket >= 0 && !(c->paused && c->state == READY), writes = c->socket >= 0 && backlog(c) > 0;
  uint32_t interest = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
  if (interest == c->interest) return;
  /* A socket that is watched for nothing would still report its end, again and again. */
  int operation = interest == 0 ? EPOLL_CTL_DEL : c->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(c->epoll, operation, c->socket, &(struct epoll_event){.events = interest}) == 0)
    c->interest = interest;
  else c->out.failed = true; /* Out of memory: chimed_process() reconnects. */
}

/* Sets the timer for whatever is due first. One that fires too early does no harm, and saves a system call. */
static void set_timer(chimed_client *c) {
  int64_t now = now_ms(), next = NEVER;
  if (c->state == WAITING || c->state == GREETING) next = c->deadline;
  if (c->state != CLOSED && c->requests && c->requests->deadline < next) next = c->requests->deadline;
  if (c->state == READY && c->ask_at < next) next = c->ask_at;
  if (c->wake || c->state == CLOSED || (c->socket >= 0 && c->out.failed)) next = 1;
  if (c->armed == 0 ? next == NEVER : c->armed > now && c->armed <= next) return;
  struct itimerspec at = {.it_value = {0, 0}}; /* This disarms it. */
  if (next < 1) next = 1;
  if (next != NEVER) at.it_value = (struct timespec){(time_t)(next / 1000), (long)(next % 1000) * 1000000};
  if (timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &at, NULL) == 0) c->armed = next == NEVER ? 0 : next;
}

static void hang_up(chimed_client *c) {
  if (c->socket < 0) return;
  if (c->interest) epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->socket, NULL); /* A forked child may still have it open. */
  close(c->socket);
  c->socket = -1;
  c->interest = 0;
}

/* The connection is lost, or was not established: fails what depends on it, and plans the next attempt. */
static void lose(chimed_client *c, const char *code, const char *why) {
  char text[sizeof c->last_words];
  snprintf(text, sizeof text, "%s", *c->last_words && c->state != WAITING ? c->last_words : why);
  /* The same registration would be refused for ever (rule 75). */
  if (c->state == GREETING)
    c->was_refused |= strcmp(c->last_code, "too-large") == 0 || strcmp(c->last_code, "bad-request") == 0;
  if (*c->last_code && c->state != WAITING) code = c->last_code;
  hang_up(c);
  uint64_t random;
  if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) /* Early after boot, it may block. */
    random = (uint64_t)now_ms() * 0x9e3779b97f4a7c15u >> 20;
  unsigned delay = backoff_ms(++c->attempt, c->options.retry_min_ms, c->options.retry_max_ms, random);
  c->state = WAITING;
  c->deadline = now_ms() + delay;
  snprintf(c->last_words, sizeof c->last_words, "%s", text);
  report(c, c->attempt == 1 ? CHIMED_WARNING : CHIMED_DEBUG, "waiting for chimed, next attempt in %u ms: %s", delay,
         text);
  for (size_t i = 0; i < c->topic_capacity; i++)
    if (c->topics[i] && c->topics[i]->providing != NOT_PROVIDED) {
      struct topic *t = c->topics[i];
      t->providing = UNASKED;
      t->ask_at = 0;
      t->failure_due = t->failure != NULL;
    }
  fail_overdue(c, 0); /* Only those that are doomed: what was sent comes first then. */
  while (c->state == WAITING && c->requests && c->requests->sent) {
    char message[sizeof text + 64];
    snprintf(message, sizeof message, "the connection ended before the daemon answered: %s", text);
    fail_request(c, unlink_request(c, &c->requests), "connection-lost", message);
  }
  for (size_t i = 0, changes = c->topic_changes; i < c->topic_capacity; i++) {
    char name[LONGEST_TOPIC + 1];
    if (!c->topics[i] || !c->topics[i]->wanted) continue;
    c->topics[i]->wanted = false;
    snprintf(name, sizeof name, "%s", c->topics[i]->name);
    emit(c, &(chimed_event){.type = CHIMED_UNWANTED, .topic = name});
    if (c->topic_changes == changes) continue;
    changes = c->topic_changes; /* The callback has changed the table: begin again. */
    i = SIZE_MAX;
  }
  char final_code[sizeof c->last_code];
  snprintf(final_code, sizeof final_code, "%s", code);
  emit(c, &(chimed_event){.type = CHIMED_WAITING, .code = final_code, .message = text, .delay_ms = delay});
}

/* Sends what waits. An error says only that the daemon reads nothing more: what it has sent still counts. */
static void flush(chimed_client *c) {
  if (c->out.failed) return; /* It ends within a frame. */
  while (c->socket >= 0 && !c->peer_is_deaf && backlog(c) > 0) {
    ssize_t sent = send(c->socket, c->out.data + c->out_start, backlog(c), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) c->out_start += (size_t)sent;
    else if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    else if (errno != EINTR) c->peer_is_deaf = true;
  }
  if (c->peer_is_deaf || backlog(c) == 0) {
    c->out.length = c->out_start = 0;
    if (c->out.capacity > MOST_BACKLOG) release(&c->out);
  } else if (c->out_start > c->out.length / 2) {
    memmove(c->out.data, c->out.data + c->out_start, backlog(c));
    c->out.length -= c->out_start;
    c->out_start = 0;
  }
}

/* Why the directory of a place cannot be trusted, or NULL (rule 34). */
static const char *distrust(const struct place *place, uid_t uid) {
  char directory[sizeof place->path];
  struct stat found;
  memcpy(directory, place->path, sizeof directory);
  char *slash = strrchr(directory, '/');
  if (!place->own || !slash) return NULL;
  *slash = 0;
  if (lstat(directory, &found) != 0)
    return errno == ENOENT || errno == ENOTDIR ? NULL : "no permission to look at the directory";
  if (!S_ISDIR(found.st_mode)) return "the directory is a link or a file";
  if (found.st_uid != uid) return "the directory belongs to another user";
  return found.st_mode & (S_IWGRP | S_IWOTH) ? "other users can write to the directory" : NULL;
}

/* Returns a socket that is connected to path, or -1 with errno. */
static int dial(const struct place *place) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (place->too_long) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, place->path, sizeof address.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static const char *reason_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return "no such file";
    case ECONNREFUSED: return "no program listens";
    case EACCES:
    case EPERM: return "permission denied";
    case EAGAIN: return "too many connections are waiting";
    case ENAMETOOLONG: return "path too long";
    case EMFILE:
    case ENFILE: return "too many open files";
    default: return "cannot connect";
  }
}

/* Connects to the first daemon that accepts the connection or is busy (rules 31, 32), and registers. */
static void connect_first(chimed_client *c) {
  struct surroundings here = {getuid(), c->options.socket, getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR")};
  if (!here.socket) here.socket = getenv("CHIMED_SOCKET_PATH");
  struct place places[MOST_PLACES];
  size_t count = find_places(&here, places);
  char why[sizeof c->last_words] = "no daemon found, tried ";
  const char *code = "no-daemon";
  bool busy = false;
  size_t used = strlen(why);
  for (size_t i = 0; i < count && !busy && c->socket < 0; i++) {
    const char *reason = distrust(&places[i], here.uid);
    if (!reason && (c->socket = dial(&places[i])) < 0) {
      busy = errno == EAGAIN;
      if (busy || errno == EACCES || errno == EPERM) code = busy ? "busy" : "not-permitted";
      reason = reason_of(errno);
    }
    if (!reason) continue;
    used += (size_t)snprintf(why + used, sizeof why - used, "%s%s (%s)", i ? ", " : "", places[i].path, reason);
    if (used >= sizeof why) used = sizeof why - 1;
  }
  if (c->socket < 0) {
    lose(c, code, why);
    return;
  }
  c->state = GREETING;
  c->deadline = now_ms() + c->options.timeout_ms;
  c->peer_is_deaf = false;
  c->in.failed = c->out.failed = false;
  c->in.length = c->in_start = c->in_searched = c->out.length = c->out_start = 0;
  *c->last_words = *c->last_code = 0;
  c->is_refused = false;
  size_t left_out = say_hello(c);
  if (left_out > 0)
    report(c, CHIMED_WARNING,
           "%zu topics begin with their latest message: their positions do not fit into one frame "
           "(clients.frameBytes)",
           left_out);
}

static bool is_reading(const chimed_client *c) { return c->socket >= 0 && !(c->paused && c->state == READY); }

/* Takes the whole frames that have arrived. Each byte is searched once, and moved at most once per read. */
static void take_frames(chimed_client *c) {
  const char *problem = NULL;
  while (is_reading(c) && !problem && c->in_searched < c->in.length) {
    char *start = c->in.data + c->in_start, *from = c->in.data + c->in_searched;
    char *end = memchr(from, '\f', c->in.length - c->in_searched);
    c->in_searched = end ? (size_t)(end + 1 - c->in.data) : c->in.length;
    if (!end) break;
    *end = 0;
    c->in_start = c->in_searched;
    problem = take_frame(c, start, (size_t)(end - start));
  }
  if (c->in_start > 0) {
    memmove(c->in.data, c->in.data + c->in_start, c->in.length - c->in_start);
    c->in.length -= c->in_start;
    c->in_searched -= c->in_start;
    c->in_start = 0;
  }
  if (c->in.length == 0 && c->in.capacity > KIB * KIB) release(&c->in);
  if (problem && c->state != CLOSED) lose(c, "connection-lost", problem);
}

static void receive(chimed_client *c) {
  for (int reads = 0; reads < READS_PER_CALL; reads++) {
    take_frames(c);
    if (!is_reading(c)) return;
    size_t room = LARGEST_FRAME + 1 - c->in.length; /* for the rest of a frame, and its form feed */
    if (room == 0) {
      lose(c, "connection-lost", "the daemon sent a frame of more than 64 MiB");
      return;
    }
    if (room > READ_BYTES) room = READ_BYTES;
    if (!reserve(&c->in, room)) {
      lose(c, "connection-lost", "out of memory");
      return;
    }
    ssize_t received = recv(c->socket, c->in.data + c->in.length, room, MSG_DONTWAIT);
    if (received > 0) {
      c->in.length += (size_t)received;
    } else if (received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      lose(c, "connection-lost", received == 0 ? "the daemon closed the connection" : "the connection was reset");
      return;
    } else if (errno != EINTR) {
      return;
    }
  }
  take_frames(c);
}

/* After any function that can have given the client something to say. */
static void settle(chimed_client *c) {
  pump(c);
  if (c->busy) return; /* chimed_process() does the rest at its end. */
  flush(c);
  watch_socket(c);
  set_timer(c);
}

static void destroy(chimed_client *c) {
  hang_up(c);
  if (c->timer >= 0) close(c->timer);
  if (c->epoll >= 0) close(c->epoll);
  while (c->requests) free(unlink_request(c, &c->requests));
  while (c->pattern_count > 0) remove_pattern(c, 0);
  for (size_t i = 0; i < c->topic_capacity; i++)
    if (c->topics[i]) free_topic(c->topics[i]);
  free(c->topics);
  free(c->patterns);
  free(c->instance);
  release(&c->in);
  release(&c->out);
  free((char *)c->options.socket);
  free((char *)c->options.name);
  free(c);
}

/* Ends a call that has emitted something. Returns false if the client is gone. */
static bool leave(chimed_client *c) {
  if (--c->busy > 0 || !c->free_later) return true;
  destroy(c);
  return false;
}

/* ---- The functions of chimed.h ---- */

static int fail_with(int error) {
  errno = error;
  return -1;
}

const char *chimed_version(void) { return CHIMED_VERSION; }

chimed_client *chimed_new(const chimed_options *options) {
  static const chimed_options defaults = {NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL};
  if (!options) options = &defaults;
  size_t name_length = options->name ? strlen(options->name) : 0, characters = 0;
  for (size_t i = 0; i < name_length; characters++) {
    size_t length = utf8_length(options->name + i, options->name + name_length);
    if (length == 0 || (unsigned char)options->name[i] < 0x20 || options->name[i] == 0x7f || characters == 100) {
      errno = EINVAL;
      return NULL;
    }
    i += length;
  }
  chimed_client *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->options = *options;
  c->options.socket = options->socket ? strdup(options->socket) : NULL;
  c->options.name = options->name ? strdup(options->name) : NULL;
  if (!c->options.retry_min_ms) c->options.retry_min_ms = 100;
  if (!c->options.retry_max_ms) c->options.retry_max_ms = 5000;
  if (!c->options.timeout_ms) c->options.timeout_ms = 5000;
  c->requests_end = &c->requests;
  c->state = WAITING;
  c->frame_bytes = SIZE_MAX;
  c->ask_at = NEVER;
  c->deadline = now_ms();
  c->socket = -1;
  c->epoll = epoll_create1(EPOLL_CLOEXEC);
  c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  bool copied = (!options->socket || c->options.socket) && (!options->name || c->options.name);
  if (!copied || c->epoll < 0 || c->timer < 0 ||
      epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->timer, &(struct epoll_event){.events = EPOLLIN}) != 0) {
    int error = copied ? errno : ENOMEM;
    destroy(c);
    errno = error;
    return NULL;
  }
  set_timer(c);
  return c;
}

void chimed_close(chimed_client *c) {
  if (c->state == CLOSED) return;
  c->busy++;
  hang_up(c);
  c->state = CLOSED;
  while (c->requests) fail_request(c, unlink_request(c, &c->requests), "closed", "the client was closed");
  set_timer(c); /* It wakes the event loop, which learns that the client is closed. */
  leave(c);
}

void chimed_free(chimed_client *c) {
  if (!c) return;
  c->busy++;
  chimed_close(c);
  c->free_later = true;
  leave(c);
}

int chimed_fd(const chimed_client *c) { return c->epoll; }

int chimed_process(chimed_client *c) {
  if (c->busy) return fail_with(EDEADLK);
  if (c->state == CLOSED) return fail_with(ECANCELED);
  c->busy++;
  c->wake = false;
  if (c->state == WAITING && now_ms() >= c->deadline) connect_first(c);
  if (c->socket >= 0 && c->out.failed) lose(c, "connection-lost", "out of memory");
  receive(c); /* first, so that no answer is overdue that has arrived */
  if (c->state == GREETING && now_ms() >= c->deadline)
    lose(c, "timeout", "the daemon did not answer the registration in time");
  fail_overdue(c, now_ms());
  pump(c);
  flush(c);
  if (c->sender_waits && c->state == READY && backlog(c) < MOST_BACKLOG / 2) {
    c->sender_waits = false;
    emit(c, &(chimed_event){.type = CHIMED_ROOM});
  }
  bool closed = c->state == CLOSED;
  if (!leave(c) || closed) return fail_with(ECANCELED);
  settle(c);
  return 0;
}

int chimed_wait(chimed_client *c, int timeout_ms) {
  if (c->busy) return fail_with(EDEADLK);
  if (c->state == CLOSED) return fail_with(ECANCELED);
  if (poll(&(struct pollfd){.fd = c->epoll, .events = POLLIN}, 1, timeout_ms) < 0) return -1;
  return chimed_process(c);
}

int chimed_run(chimed_client *c) {
  while (chimed_wait(c, -1) == 0) continue;
  return errno == ECANCELED ? 0 : -1;
}

void chimed_pause(chimed_client *c, bool paused) {
  if (c->paused == paused) return;
  c->paused = paused;
  c->wake = true; /* Frames that have been read are waiting. */
  settle(c);
}

/* The next of several words that are separated by spaces. */
static const char *next_word(const char *text, size_t *length) {
  text += strspn(text, " ");
  *length = strcspn(text, " ");
  return *length > 0 ? text : NULL;
}

static bool are_patterns(const char *patterns) {
  size_t length;
  if (!patterns || !next_word(patterns, &length)) return false;
  for (const char *word = patterns; (word = next_word(word, &length)); word += length)
    if (!is_name(word, length, true)) return false;
  return true;
}

/* Ends a list of patterns for the daemon, or takes it back if there is nothing to say. */
static void end_list(chimed_client *c, size_t frame_start, size_t start) {
  bool told = c->state == GREETING || c->state == READY; /* Otherwise, the next registration has them. */
  if (told && c->out.length > start) add(&c->out, "]}}\f");
  else c->out.length = frame_start;
  settle(c);
}

int chimed_subscribe(chimed_client *c, const char *patterns) {
  if (c->state == CLOSED) return fail_with(ECANCELED);
  if (!are_patterns(patterns)) return fail_with(EINVAL);
  size_t length, frame_start = c->out.length;
  add(&c->out, "{\"type\":\"chimed.register\",\"data\":{\"topics\":[");
  size_t start = c->out.length;
  for (const char *word = patterns; (word = next_word(word, &length)); word += length) {
    if (find_pattern(c, word, length) < c->pattern_count) continue;
    char **grown = realloc(c->patterns, (c->pattern_count + 1) * sizeof *grown), *copy = strndup(word, length);
    if (grown) c->patterns = grown;
    if (!grown || !copy) {
      free(copy);
      end_list(c, frame_start, start);
      return fail_with(ENOMEM);
    }
    c->patterns[c->pattern_count++] = copy;
    add_element(&c->out, start, copy);
  }
  end_list(c, frame_start, start);
  return 0;
}

int chimed_unsubscribe(chimed_client *c, const char *patterns) {
  if (c->state == CLOSED) return fail_with(ECANCELED);
  if (!are_patterns(patterns)) return fail_with(EINVAL);
  size_t length, frame_start = c->out.length;
  add(&c->out, "{\"type\":\"chimed.unregister\",\"data\":{\"topics\":[");
  size_t start = c->out.length;
  for (const char *word = patterns; (word = next_word(word, &length)); word += length) {
    size_t index = find_pattern(c, word, length);
    if (index == c->pattern_count) continue;
    add_element(&c->out, start, c->patterns[index]);
    remove_pattern(c, index);
  }
  forget_unsubscribed(c);
  end_list(c, frame_start, start);
  return 0;
}

/* Checks a payload. Returns false for what is not JSON. */
static bool measure(const char *data, struct shape *shape) {
  chimed_json json = data ? chimed_json_parse(data) : (chimed_json){NULL, 0};
  return json.text && value_end(json.text, json.text + json.length, shape) != NULL;
}

static uint64_t request(chimed_client *c, const char *type, const char *topic, const char *data) {
  struct shape shape = {0, 0};
  struct buffer frame = {0};
  if (c->state == CLOSED || !is_topic(topic) || (data && !measure(data, &shape))) {
    errno = c->state == CLOSED ? ECANCELED : EINVAL;
    return 0;
  }
  add(&frame, "{\"type\":\"");
  add(&frame, type);
  add(&frame, "\",\"data\":{\"id\":");
  add_number(&frame, c->last_id + 1);
  add(&frame, ",\"topic\":");
  add_quoted(&frame, topic);
  if (data) {
    add(&frame, ",\"data\":");
    add(&frame, data);
  }
  add(&frame, "}}\f");
  struct request *r = frame.failed ? NULL : malloc(sizeof *r + frame.length + strlen(topic) + 1);
  if (r) {
    *r = (struct request){
        .id = ++c->last_id, .deadline = now_ms() + c->options.timeout_ms, .length = frame.length, .shape = shape};
    r->frame = (char *)(r + 1);
    r->topic = r->frame + frame.length;
    memcpy(r->frame, frame.data, frame.length);
    memcpy(r->topic, topic, strlen(topic) + 1);
    *c->requests_end = r;
    c->requests_end = &r->next;
    if (!c->unsent) c->unsent = r;
    settle(c);
  } else {
    errno = ENOMEM;
  }
  release(&frame);
  return r ? r->id : 0;
}

uint64_t chimed_publish(chimed_client *c, const char *topic, const char *data) {
  return request(c, "chimed.publish", topic, data ? data : "");
}

uint64_t chimed_get(chimed_client *c, const char *topic) { return request(c, "chimed.get", topic, NULL); }

int chimed_provide(chimed_client *c, const char *topic) {
  if (c->state == CLOSED || !is_topic(topic)) return fail_with(c->state == CLOSED ? ECANCELED : EINVAL);
  struct topic *t = add_topic(c, topic);
  if (!t) return fail_with(ENOMEM);
  if (t->providing == NOT_PROVIDED) {
    t->providing = UNASKED;
    t->ask_at = c->ask_at = 0;
  }
  settle(c);
  return 0;
}

int chimed_send(chimed_client *c, const char *topic, const char *data) {
  struct shape shape;
  if (c->state == CLOSED) return fail_with(ECANCELED);
  struct topic *t = find_provided(c, topic);
  if (!t) return fail_with(ENOENT);
  if (!measure(data, &shape)) return fail_with(EINVAL);
  if (c->state != READY || t->providing != PROVIDED) {
    t->sender_waits = true;
    return fail_with(EAGAIN);
  }
  if (backlog(c) >= MOST_BACKLOG) {
    c->sender_waits = true;
    return fail_with(EAGAIN);
  }
  struct buffer *out = &c->out;
  size_t length = strlen(topic) + strlen(data) + strlen("{\"type\":\"\",\"data\":}");
  if (length > c->frame_bytes || shape.values + ENVELOPE_VALUES > MOST_VALUES || shape.levels > MOST_PAYLOAD_LEVELS)
    return fail_with(EMSGSIZE);
  if (!reserve(out, length + 1)) return fail_with(ENOMEM);
  add(out, "{\"type\":\"");
  add(out, topic);
  add(out, "\",\"data\":");
  add(out, data);
  add(out, "}\f");
  free(t->failure);
  t->failure = NULL;
  t->failure_due = false;
  settle(c);
  return 0;
}

int chimed_fail(chimed_client *c, const char *topic, const char *error) {
  if (c->state == CLOSED) return fail_with(ECANCELED);
  struct topic *t = find_provided(c, topic);
  if (!t) return fail_with(ENOENT);
  char *copy = error ? strndup(*error ? error : "no reason was given", LONGEST_REASON) : NULL;
  if (error && !copy) return fail_with(ENOMEM);
  if (copy || t->failure) t->failure_due = c->has_failures = true;
  free(t->failure);
  t->failure = copy;
  settle(c);
  return 0;
}

int chimed_unprovide(chimed_client *c, const char *topic) {
  if (c->state == CLOSED || !is_topic(topic)) return fail_with(c->state == CLOSED ? ECANCELED : EINVAL);
  struct topic *t = find_provided(c, topic);
  if (!t) return 0;
  if (c->state == READY && t->providing != UNASKED) {
    add(&c->out, "{\"type\":\"chimed.unprovide\",\"data\":{\"topics\":[");
    add_quoted(&c->out, topic);
    add(&c->out, "]}}\f");
  }
  stop_providing(t);
  sweep_topics(c);
  settle(c);
  return 0;
}
