/* What the tests with connections share: a temporary directory, and a record of what a client reports. */
#ifndef WORLD_H
#define WORLD_H

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chimed.h"
#include "tap.h"

#define PATIENCE_MS 15000

/* One line for each message and event: "tick 5 +3 data" or "ready", "failed 1 timeout". */
struct record {
  char *lines;
  size_t length, capacity;
  size_t messages;
  uint64_t missed, last_seq;
  char last_code[64];
  size_t log_lines;
};

static inline void note(struct record *r, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  size_t length = (size_t)vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length > sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (r->length + length + 1 > r->capacity)
    r->lines = realloc(r->lines, r->capacity = 2 * r->capacity + sizeof line);
  if (!r->lines) abort();
  memcpy(r->lines + r->length, line, length);
  r->length += length;
  r->lines[r->length] = 0;
}

static inline void record_message(chimed_client *client, const chimed_message *m, void *user) {
  struct record *r = user;
  (void)client;
  r->messages++;
  r->missed += m->missed;
  r->last_seq = m->seq;
  if (m->data.length != strlen(m->data.text)) abort();
  note(r, "%s %" PRIu64 " +%" PRIu64 " %.40s", m->topic, m->seq, m->missed, m->data.text);
}

static inline void record_event(chimed_client *client, const chimed_event *e, void *user) {
  static const char *const names[] = {"?",       "ready",     "waiting",    "uncounted", "refused",
                                      "failing", "recovered", "published",  "got",       "failed",
                                      "wanted",  "unwanted",  "unprovided", "dropped",   "room"};
  struct record *r = user;
  (void)client;
  snprintf(r->last_code, sizeof r->last_code, "%s", e->code ? e->code : "");
  if (e->type == CHIMED_GOT) note(r, "got %s %s", e->topic, e->last ? e->last->data.text : "nothing");
  else if (e->type == CHIMED_PUBLISHED) note(r, "published %s %" PRIu64, e->topic, e->seq);
  else if (e->type == CHIMED_FAILING) note(r, "failing %s %s", e->topic, e->message);
  else
    note(r, "%s%s%s%s%s", names[e->type], e->topic ? " " : "", e->topic ? e->topic : "", e->code ? " " : "",
         e->code ? e->code : "");
}

static inline void record_log(chimed_level level, const char *line, void *user) {
  struct record *r = user;
  (void)level, (void)line;
  r->log_lines++;
}

static inline void forget_record(struct record *r) {
  free(r->lines);
  *r = (struct record){0};
}

static inline int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline size_t count_lines(const struct record *r, const char *line) {
  size_t count = 0, length = strlen(line);
  for (const char *p = r->lines; p && (p = strstr(p, line)); p += length)
    count += (p == r->lines || p[-1] == '\n') && p[length] == '\n';
  return count;
}

/* Runs a client until its record has a line so many times. */
static inline void expect_lines(chimed_client *client, const struct record *r, const char *line, size_t times) {
  for (int64_t end = clock_ms() + PATIENCE_MS; count_lines(r, line) < times;) {
    if (clock_ms() > end) printf("# waited for: %s\n# the client reported:\n%s", line, r->lines ? r->lines : "");
    CHECK(clock_ms() <= end);
    CHECK(chimed_wait(client, 100) == 0 || errno == EINTR);
  }
}

static inline void expect_line(chimed_client *client, const struct record *r, const char *line) {
  expect_lines(client, r, line, 1);
}

/* A directory for a socket; removed by the caller. */
static inline void temporary_directory(char path[64]) {
  snprintf(path, 64, "/tmp/chimed-c-XXXXXX");
  if (!mkdtemp(path)) abort();
}

#endif
