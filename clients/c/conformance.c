/* The adapter of docs/conformance.md: obeys commands on stdin, and writes what the client does on stdout. */
#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chimed.h"

#define MOST_ASKED 4096
#define NAME_BYTES 1024

/* Ids of the suite and of the client. */
static struct {
  int64_t suite;
  uint64_t client;
} asked[MOST_ASKED];
static size_t asked_count;

/* Patterns of all subscriptions. One that several of them have stands here several times. */
static char **patterns;
static size_t pattern_count;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void write_text(const char *key, const char *text) {
  size_t size = chimed_json_quote(text, NULL, 0) + 1;
  char *quoted = malloc(size);
  if (!quoted) die("malloc");
  chimed_json_quote(text, quoted, size);
  printf(",\"%s\":%s", key, quoted);
  free(quoted);
}

/* Writes JSON in one line: line breaks within it can only be white space. */
static void write_json(const char *key, chimed_json json) {
  printf(",\"%s\":", key);
  for (const char *p = json.text, *end = p + json.length; p < end;) {
    size_t length = 0;
    while (p + length < end && p[length] != '\n' && p[length] != '\r') length++;
    fwrite(p, 1, length, stdout);
    p += length + 1;
  }
}

static void end_line(void) {
  printf("}\n");
  fflush(stdout);
}

static int64_t suite_id(uint64_t id) {
  for (size_t i = 0; i < asked_count; i++)
    if (asked[i].client == id) return asked[i].suite;
  return 0;
}

static void show_message(chimed_client *client, const chimed_message *m, void *user) {
  (void)client, (void)user;
  printf("{\"on\":\"message\"");
  write_text("topic", m->topic);
  printf(",\"seq\":%" PRIu64 ",\"time\":%" PRId64 ",\"missed\":%" PRIu64, m->seq, m->time, m->missed);
  if (m->offset >= 0) printf(",\"offset\":%" PRId64, m->offset);
  if (m->stale) printf(",\"stale\":true");
  write_text("instance", m->instance);
  write_json("data", m->data);
  end_line();
}

static void show_event(chimed_client *client, const chimed_event *event, void *user) {
  static const char *const names[] = {
      [CHIMED_READY] = "ready",           [CHIMED_WAITING] = "waiting",   [CHIMED_UNCOUNTED] = "uncounted",
      [CHIMED_REFUSED] = "refused",       [CHIMED_FAILING] = "failing",   [CHIMED_RECOVERED] = "recovered",
      [CHIMED_PUBLISHED] = "published",   [CHIMED_GOT] = "got",           [CHIMED_FAILED] = "failed",
      [CHIMED_WANTED] = "wanted",         [CHIMED_UNWANTED] = "unwanted", [CHIMED_DROPPED] = "dropped",
      [CHIMED_UNPROVIDED] = "unprovided", [CHIMED_ROOM] = "room"};
  (void)client, (void)user;
  printf("{\"on\":\"%s\"", names[event->type]);
  if (event->id > 0) printf(",\"id\":%" PRId64, suite_id(event->id));
  if (event->topic) write_text("topic", event->topic);
  if (event->code) write_text("code", event->code);
  if (event->message) write_text(event->type == CHIMED_FAILING ? "error" : "message", event->message);
  if (event->type == CHIMED_PUBLISHED) printf(",\"seq\":%" PRIu64, event->seq);
  if (event->last) {
    printf(",\"seq\":%" PRIu64, event->last->seq);
    write_json("data", event->last->data);
  }
  end_line();
}

static void show_log(chimed_level level, const char *line, void *user) {
  (void)level, (void)user;
  fprintf(stderr, "%s\n", line);
}

/* Reads a string of a command. Returns NULL if it has none of that name. */
static const char *text_of(chimed_json command, const char *key, char out[NAME_BYTES]) {
  return chimed_json_string(chimed_json_get(command, key), out, NAME_BYTES) < 0 ? NULL : out;
}

static size_t count_pattern(const char *pattern) {
  size_t count = 0;
  for (size_t i = 0; i < pattern_count; i++) count += strcmp(patterns[i], pattern) == 0;
  return count;
}

static void add_pattern(const char *pattern) {
  patterns = realloc(patterns, (pattern_count + 1) * sizeof *patterns);
  if (!patterns || !(patterns[pattern_count++] = strdup(pattern))) die("malloc");
}

static void remove_pattern(const char *pattern) {
  size_t i = 0;
  while (i < pattern_count && strcmp(patterns[i], pattern) != 0) i++;
  if (i == pattern_count) return;
  free(patterns[i]);
  patterns[i] = patterns[--pattern_count];
}

/* Subscribes, or ends the patterns that no other subscription has. */
static void change_subscription(chimed_client *client, chimed_json topics, bool listens) {
  size_t used = 0, size = topics.length + 1;
  char pattern[NAME_BYTES], *list = calloc(1, size);
  const char *position = NULL;
  chimed_json topic;
  if (!list) die("malloc");
  while (chimed_json_next(topics, &position, NULL, &topic) == 1) {
    chimed_json_string(topic, pattern, sizeof pattern);
    if (listens) add_pattern(pattern);
    else remove_pattern(pattern);
    if (count_pattern(pattern) == (listens ? 1 : 0))
      used += (size_t)snprintf(list + used, size - used, "%s ", pattern);
  }
  if (used > 0 && (listens ? chimed_subscribe(client, list) : chimed_unsubscribe(client, list)) != 0) {
    printf("{\"on\":\"refused\",\"code\":\"bad-request\"");
    write_text("topic", list);
    end_line();
  }
  free(list);
}

static void ask(uint64_t id, int64_t suite) {
  if (id == 0) {
    printf("{\"on\":\"failed\",\"id\":%" PRId64 ",\"code\":\"bad-request\"", suite);
    end_line();
  } else if (asked_count < MOST_ASKED) {
    asked[asked_count].suite = suite;
    asked[asked_count++].client = id;
  }
}

/* Obeys one command, which it may change. Returns false for the last one. */
static bool obey(chimed_client **client, char *line) {
  char what[NAME_BYTES], name[NAME_BYTES], error[2 * NAME_BYTES];
  chimed_json command = chimed_json_parse(line), data = chimed_json_get(command, "data");
  chimed_json topics = chimed_json_get(command, "topics");
  int64_t id = 0;
  if (!text_of(command, "do", what)) return true;
  chimed_json_integer(chimed_json_get(command, "id"), &id);
  const char *topic = text_of(command, "topic", name);
  ssize_t has_error = chimed_json_string(chimed_json_get(command, "error"), error, sizeof error);
  if (data.text) line[data.text - line + (ptrdiff_t)data.length] = 0; /* All else has been read. */
  if (strcmp(what, "close") == 0) return false;
  if (strcmp(what, "connect") == 0) {
    chimed_options options = {.on_message = show_message, .on_event = show_event, .on_log = show_log};
    options.name = text_of(command, "name", name);
    if (!(*client = chimed_new(&options))) die("chimed_new");
  } else if (!*client) {
    fprintf(stderr, "%s before connect\n", what);
  } else if (strcmp(what, "listen") == 0 || strcmp(what, "unlisten") == 0) {
    change_subscription(*client, topics, *what == 'l');
  } else if (strcmp(what, "pause") == 0 || strcmp(what, "continue") == 0) {
    chimed_pause(*client, *what == 'p');
  } else if (strcmp(what, "publish") == 0) {
    ask(chimed_publish(*client, topic, data.text), id);
  } else if (strcmp(what, "get") == 0) {
    ask(chimed_get(*client, topic), id);
  } else if (strcmp(what, "provide") == 0) {
    if (chimed_provide(*client, topic) != 0) perror("chimed_provide");
  } else if (strcmp(what, "send") == 0) {
    if (chimed_send(*client, topic, data.text) != 0) perror("chimed_send");
  } else if (strcmp(what, "fail") == 0) {
    if (chimed_fail(*client, topic, has_error < 0 ? NULL : error) != 0) perror("chimed_fail");
  } else if (strcmp(what, "unprovide") == 0) {
    if (chimed_unprovide(*client, topic) != 0) perror("chimed_unprovide");
  } else {
    fprintf(stderr, "unknown command: %s\n", what);
  }
  return true;
}

int main(void) {
  chimed_client *client = NULL;
  char *commands = NULL;
  size_t length = 0, capacity = 0;
  printf("{\"on\":\"hello\",\"client\":\"C %s\",\"features\":[\"listen\",\"publish\",\"get\",\"provide\"]",
         chimed_version());
  end_line();
  for (bool open = true; open;) {
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = client ? chimed_fd(client) : -1, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents && chimed_process(client) != 0) die("chimed_process");
    if (!fds[0].revents) continue;
    if (length + 65536 > capacity) commands = realloc(commands, capacity = 2 * capacity + 65536);
    if (!commands) die("malloc");
    ssize_t more = read(STDIN_FILENO, commands + length, capacity - length);
    if (more <= 0) break; /* The end of stdin closes the client as well. */
    length += (size_t)more;
    char *start = commands, *end;
    while (open && (end = memchr(start, '\n', length - (size_t)(start - commands)))) {
      *end = 0;
      open = obey(&client, start);
      start = end + 1;
    }
    length -= (size_t)(start - commands);
    memmove(commands, start, length);
  }
  if (client) chimed_close(client);
  chimed_free(client);
  printf("{\"on\":\"closed\"");
  end_line();
  while (pattern_count > 0) remove_pattern(patterns[0]);
  free(patterns);
  free(commands);
  return 0;
}
