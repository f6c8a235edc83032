/* The pure parts, by tables: names, delays, places, frames, positions. It contains the library, to reach what is
   not public, and lets its allocations fail. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

/* Allocations until one fails; negative: none does. */
static long allocations_left = -1;

static int fails(void) { return allocations_left >= 0 && allocations_left-- == 0; }
static void *test_malloc(size_t size) { return fails() ? NULL : malloc(size); }
static void *test_calloc(size_t count, size_t size) { return fails() ? NULL : calloc(count, size); }
static void *test_realloc(void *data, size_t size) { return fails() ? NULL : realloc(data, size); }
static char *test_strdup(const char *text) { return fails() ? NULL : strdup(text); }
static char *test_strndup(const char *text, size_t size) { return fails() ? NULL : strndup(text, size); }
#define malloc test_malloc
#define calloc test_calloc
#define realloc test_realloc
#define strdup test_strdup
#define strndup test_strndup
#include "chimed.c"
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef strndup
#include "tests/world.h"

static struct record heard;
static int peer; /* the daemon's end */

#define REGISTERED                                                                                           \
  "{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"one\",\"topics\":[],\"limits\":{\"frameBytes\":" \
  "1048576}}}\f"

/* Bytes arrive. */
static void feed(chimed_client *c, const char *bytes, size_t length) {
  add_bytes(&c->in, bytes, length);
  take_frames(c);
}

static void feed_text(chimed_client *c, const char *text) { feed(c, text, strlen(text)); }

/* Connects a client by hand. */
static void attach(chimed_client *c) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  c->socket = ends[0];
  peer = ends[1];
  c->state = GREETING;
  c->deadline = now_ms() + 5000;
  c->out.length = c->out_start = 0;
  say_hello(c);
}

static chimed_client *registered(const char *patterns) {
  forget_record(&heard);
  chimed_options options = {
      .on_message = record_message, .on_event = record_event, .on_log = record_log, .user = &heard};
  chimed_client *c = chimed_new(&options);
  CHECK(c && chimed_subscribe(c, patterns) == 0);
  attach(c);
  feed_text(c, REGISTERED);
  CHECK_TEXT(heard.lines, "ready\n");
  forget_record(&heard);
  c->out.length = c->out_start = 0;
  return c;
}

static void end(chimed_client *c) {
  chimed_free(c);
  close(peer);
  forget_record(&heard);
}

/* What the client would send next. */
static const char *said(chimed_client *c) {
  add_bytes(&c->out, "", 1);
  return c->out.data + c->out_start;
}

static void knows_names(void) {
  static const struct {
    const char *text;
    bool topic, pattern;
  } cases[] = {{"a", 1, 1},        {"host.load", 1, 1}, {"A-b_9.c", 1, 1},  {"chimeda", 1, 1}, {"", 0, 0},
               {".", 0, 0},        {"a.", 0, 0},        {".a", 0, 0},       {"a..b", 0, 0},    {"chimed", 0, 0},
               {"chimed.x", 0, 0}, {"a b", 0, 0},       {"\xc3\xa9", 0, 0}, {"*", 0, 1},       {">", 0, 1},
               {"a.*.c", 0, 1},    {"a.>", 0, 1},       {">.a", 0, 0},      {"a*", 0, 0},      {"a.>b", 0, 0},
               {"a.b>", 0, 0},     {"*.>", 0, 1},       {"**", 0, 0},       {"a.>.*", 0, 0}};
  char longest[258];
  for (size_t i = 0; i < COUNT(cases); i++)
    if (is_name(cases[i].text, strlen(cases[i].text), false) != cases[i].topic ||
        is_name(cases[i].text, strlen(cases[i].text), true) != cases[i].pattern)
      tap_fail(__FILE__, __LINE__, cases[i].text);
  memset(longest, 'a', sizeof longest);
  CHECK(is_name(longest, 255, false) && !is_name(longest, 256, false));
  CHECK(!is_name("a\0b", 3, true));
}

static void matches_patterns(void) {
  static const struct {
    const char *pattern, *topic;
    bool matches;
  } cases[] = {{"a", "a", 1},   {"a", "b", 0},     {"a", "a.b", 0},     {"a.b", "a", 0}, {"a", "ab", 0},
               {"*", "a", 1},   {"*", "a.b", 0},   {"*.b", "a.b", 1},   {"a.*", "a", 0}, {"a.*.c", "a.b.c", 1},
               {"a.>", "a", 0}, {"a.>", "a.b", 1}, {"a.>", "a.b.c", 1}, {">", "a", 1},   {">", "a.b.c", 1},
               {"*.>", "a", 0}, {"*.>", "a.b", 1}, {"a.>", "ab.c", 0}};
  for (size_t i = 0; i < COUNT(cases); i++)
    if (matches(cases[i].pattern, cases[i].topic) != cases[i].matches)
      tap_fail(__FILE__, __LINE__, cases[i].pattern);
}

static void bounds_delays(void) {
  static const unsigned bounds[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
  for (unsigned attempt = 1; attempt <= COUNT(bounds); attempt++) {
    unsigned most = 0;
    for (uint64_t random = 0; random <= 20000; random++) {
      unsigned delay = backoff_ms(attempt, 100, 5000, random);
      if (delay > most) most = delay;
    }
    CHECK(most == bounds[attempt - 1]);
    CHECK(backoff_ms(attempt, 100, 5000, 0) == 0);
  }
  CHECK(backoff_ms(4000000000u, 100, 5000, UINT64_MAX) <= 5000);
  CHECK(backoff_ms(1, 300, 100, 12345) <= 100);
}

static void lists_places(void) {
  static const struct {
    struct surroundings here;
    const char *paths; /* "!" before those whose directory is checked */
  } cases[] = {{{1000, "/x/s", "/run/user/1000", NULL}, "/x/s"},
               {{0, "/x/s", NULL, NULL}, "/x/s"},
               {{1000, NULL, "/xdg", "/t"},
                "!/xdg/chimed/chimed.sock !/run/user/1000/chimed/chimed.sock !/t/chimed-1000/chimed.sock "
                "/run/chimed/chimed.sock "
                "/run/chimed/daemon/chimed.sock"},
               {{1000, "", "", ""},
                "!/run/user/1000/chimed/chimed.sock !/tmp/chimed-1000/chimed.sock /run/chimed/chimed.sock "
                "/run/chimed/daemon/chimed.sock"},
               {{0, NULL, "/xdg", "/t"}, "/run/chimed/chimed.sock /run/chimed/daemon/chimed.sock"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct place places[MOST_PLACES];
    struct buffer all = {0};
    for (size_t j = 0, count = find_places(&cases[i].here, places); j < count; j++) {
      if (j > 0) add(&all, " ");
      if (places[j].own) add(&all, "!");
      add(&all, places[j].path);
    }
    add_bytes(&all, "", 1);
    bool same = strcmp(all.data, cases[i].paths) == 0;
    if (!same) printf("# is: %s\n", all.data);
    release(&all);
    CHECK(same);
  }
}

static void finds_paths_that_are_too_long(void) {
  char path[110];
  struct place places[MOST_PLACES];
  memset(path, 'a', sizeof path);
  path[107] = 0;
  CHECK(find_places(&(struct surroundings){.socket = path}, places) == 1 && !places[0].too_long);
  path[107] = 'a';
  path[108] = 0;
  CHECK(find_places(&(struct surroundings){.socket = path}, places) == 1 && places[0].too_long);
  CHECK(dial(&places[0]) == -1 && errno == ENAMETOOLONG);
}

static void distrusts_directories_of_others(void) {
  struct place place = {.own = true};
  char directory[64];
  uid_t uid = getuid();
  temporary_directory(directory);
  snprintf(place.path, sizeof place.path, "%s/chimed.sock", directory);
  CHECK(distrust(&place, uid) == NULL);
  CHECK(distrust(&place, uid + 1) != NULL);
  CHECK(chmod(directory, 0770) == 0 && distrust(&place, uid) != NULL);
  CHECK(chmod(directory, 0702) == 0 && distrust(&place, uid) != NULL);
  CHECK(chmod(directory, 0755) == 0 && distrust(&place, uid) == NULL);
  snprintf(place.path, sizeof place.path, "%s/link/chimed.sock", directory);
  CHECK(distrust(&place, uid) == NULL); /* There is no such directory. */
  char link[80];
  snprintf(link, sizeof link, "%s/link", directory);
  CHECK(symlink("/", link) == 0 && distrust(&place, uid) != NULL);
  place.own = false;
  CHECK(distrust(&place, uid) == NULL);
  unlink(link);
  rmdir(directory);
}

static void reads_frames_that_are_split_at_any_byte(void) {
  static const char stream[] =
      "{\"type\":\"t\",\"data\":\"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\f\",\"seq\":1,\"time\":5}\f"
      " \n{\"seq\":3,\"data\":[1],\"\\u0074ype\":\"\\u0074\"}\f{\"type\":\"chimed.future\"}\f";
  static const char expected[] = "t 1 +0 \"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\f\"\nt 3 +1 [1]\n";
  for (size_t split = 0; split < sizeof stream; split++) {
    chimed_client *c = registered("t");
    feed(c, stream, split);
    feed(c, stream + split, sizeof stream - 1 - split);
    CHECK_TEXT(heard.lines, expected);
    end(c);
  }
  chimed_client *c = registered("t");
  for (size_t i = 0; i < sizeof stream - 1; i++) feed(c, stream + i, 1);
  CHECK_TEXT(heard.lines, expected);
  CHECK(c->in.length == 0);
  end(c);
}

static void loses_the_connection_at_what_is_not_a_frame(void) {
  static const char *const frames[] = {"",
                                       "null",
                                       "[]",
                                       "\"t\"",
                                       "{}",
                                       "{\"type\":1}",
                                       "{\"type\":\"\"}",
                                       "{\"type\":\"t\"}x",
                                       "{\"type\":\"t\",}",
                                       "{\"type\":\"t\"}{\"type\":\"t\"}",
                                       "{\"type\":\"t\",\"data\":\"\xff\"}",
                                       "{\"type\":\"t\",\"data\":01}"};
  for (size_t i = 0; i < COUNT(frames); i++) {
    chimed_client *c = registered("t");
    feed_text(c, frames[i]);
    CHECK(c->state == READY);
    feed_text(c, "\f{\"type\":\"t\",\"seq\":1,\"data\":1}\f");
    CHECK(c->state == WAITING && c->socket == -1);
    CHECK_TEXT(heard.lines, "waiting connection-lost\n");
    end(c);
  }
}

static void ignores_what_it_does_not_know(void) {
  chimed_client *c = registered("t.>");
  feed_text(c,
            "{\"type\":\"chimed.future\",\"data\":{\"topic\":\"t\"}}\f{\"type\":\"chimed.rejected\",\"data\":[]}\f{"
            "\"type\":\"chimed.wanted\"}\f"
            "{\"type\":\"chimed.got\",\"data\":{\"id\":99}}\f{\"type\":\"chimed.registered\",\"data\":null}\f{"
            "\"type\":\"chimed.failing\",\"data\":{}}\f"
            "{\"type\":\"t.x\"}\f{\"type\":\"t.x\",\"seq\":1}\f{\"type\":\"t.x\",\"seq\":-1,\"data\":1}\f{\"type\":"
            "\"t.x\",\"seq\":1.5,\"data\":1}\f"
            "{\"type\":\"t.a "
            "b\",\"seq\":1,\"data\":1}\f{\"type\":\"t.a\\u0000b\",\"seq\":1,\"data\":1}\f{\"type\":\"other\","
            "\"seq\":1,\"data\":1}\f"
            "{\"type\":\"chimed\",\"seq\":1,\"data\":1}\f{\"type\":\"t.x\",\"seq\":1,\"data\":1,\"future\":[]}\f");
  CHECK_TEXT(heard.lines, "t.x 1 +0 1\n");
  end(c);
}

static void counts_what_is_missing(void) {
  chimed_client *c = registered("t");
  feed_text(c,
            "{\"type\":\"t\",\"seq\":5,\"data\":1}\f{\"type\":\"t\",\"seq\":5,\"data\":1}\f{\"type\":\"t\",\"seq\":"
            "4,\"data\":1}\f"
            "{\"type\":\"t\",\"seq\":9,\"data\":1}\f{\"type\":\"t\",\"seq\":9007199254740991,\"data\":1}\f"
            "{\"type\":\"t\",\"seq\":2,\"data\":1,\"instance\":\"north\"}\f{\"type\":\"t\",\"seq\":4,\"data\":1,"
            "\"instance\":\"north\"}\f"
            "{\"type\":\"t\",\"seq\":1,\"data\":1,\"instance\":\"one\"}\f{\"type\":\"t\",\"seq\":3,\"data\":1}\f");
  CHECK_TEXT(heard.lines,
             "t 5 +0 1\nt 9 +3 1\nt 9007199254740991 +9007199254740981 1\nuncounted t\nt 2 +0 1\nt 4 +1 1\n"
             "uncounted t\nt 1 +0 1\nt 3 +1 1\n");
  end(c);
}

static void resumes_after_the_last_messages(void) {
  static const struct {
    const char *frames, *resume;
  } cases[] = {
      {"", "\"resume\":{\"instance\":\"one\",\"after\":{},\"instances\":{}}}}\f"},
      {"{\"type\":\"t\",\"seq\":7,\"data\":1}\f{\"type\":\"t\",\"seq\":8,\"data\":1}\f",
       "\"resume\":{\"instance\":\"one\",\"after\":{\"t\":8},\"instances\":{}}}}\f"},
      {"{\"type\":\"t\",\"seq\":8,\"data\":1,\"instance\":\"north\"}\f",
       "\"resume\":{\"instance\":\"one\",\"after\":{\"t\":8},\"instances\":{\"t\":\"north\"}}}}\f"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    chimed_client *c = registered("t u.>");
    feed_text(c, cases[i].frames);
    lose(c, "connection-lost", "a test");
    close(peer);
    attach(c);
    const char *hello = said(c);
    static const char start[] = "{\"type\":\"chimed.register\",\"data\":{\"topics\":[\"t\",\"u.>\"],";
    CHECK(strncmp(hello, start, strlen(start)) == 0);
    CHECK_TEXT(hello + strlen(start), cases[i].resume);
    end(c);
  }
}

/* Receives one message of each of so many topics. */
static void receive_topics(chimed_client *c, int count, const char *more) {
  for (int i = 0; i < count; i++) {
    char frame[200];
    snprintf(frame, sizeof frame, "{\"type\":\"t.%d\",\"seq\":%d,\"data\":1%s}\f", i, i + 1, more);
    feed_text(c, frame);
  }
}

static void resumes_what_fits_in_a_frame(void) {
  static const struct {
    size_t frame_bytes;
    const char *more;
  } cases[] = {{SIZE_MAX, ""},
               {SIZE_MAX, ",\"instance\":\"north\""},
               {4096, ""},
               {4096, ",\"instance\":\"north\""},
               {10, ""}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    chimed_client *c = registered("t.>");
    receive_topics(c, 25000, cases[i].more);
    CHECK(heard.messages == 25000);
    lose(c, "connection-lost", "a test");
    close(peer);
    c->frame_bytes = cases[i].frame_bytes;
    attach(c);
    struct shape shape;
    said(c);
    size_t length = c->out.length - 2,
           most = cases[i].frame_bytes < 1024 * 1024 ? cases[i].frame_bytes : 1024 * 1024;
    CHECK(value_end(c->out.data, c->out.data + length, &shape) == c->out.data + length);
    CHECK(length <= most || most < 200);
    CHECK(shape.values < MOST_VALUES);
    CHECK(length + 60 > most || shape.values > MOST_NAMED - 100);
    char last[200];
    snprintf(last, sizeof last, "{\"type\":\"t.24999\",\"seq\":25003,\"data\":2%s}\f", cases[i].more);
    feed_text(c, REGISTERED);
    feed_text(c, last);
    CHECK(heard.missed == 2 && heard.messages == 25001);
    end(c);
  }
}

static void forgets_what_it_unsubscribes(void) {
  chimed_client *c = registered("t.> u");
  receive_topics(c, 1000, "");
  feed_text(c, "{\"type\":\"u\",\"seq\":1,\"data\":1}\f");
  CHECK(c->topic_count == 1001);
  CHECK(chimed_subscribe(c, "t.7 t.8 u") == 0);
  CHECK(chimed_unsubscribe(c, "t.> none") == 0);
  CHECK(c->topic_count == 3 && find_topic(c, "t.7") && find_topic(c, "t.8") && find_topic(c, "u") &&
        !find_topic(c, "t.9"));
  feed_text(c, "{\"type\":\"t.9\",\"seq\":11,\"data\":1}\f{\"type\":\"t.7\",\"seq\":9,\"data\":1}\f");
  CHECK(heard.messages == 1002 && heard.missed == 0);
  forget_record(&heard);
  CHECK(chimed_subscribe(c, "t.9") == 0);
  feed_text(c, "{\"type\":\"t.9\",\"seq\":12,\"data\":1}\f{\"type\":\"t.9\",\"seq\":14,\"data\":1}\f");
  CHECK_TEXT(heard.lines, "t.9 12 +0 1\nt.9 14 +1 1\n");
  end(c);
}

static void keeps_the_table_of_topics_whole(void) {
  chimed_client *c = registered("t.>");
  uint32_t random = 1;
  static bool known[500];
  for (int step = 0; step < 20000; step++) {
    char name[16];
    random = random * 1664525u + 1013904223u;
    unsigned number = (random >> 8) % 500;
    snprintf(name, sizeof name, "t.%u", number);
    struct topic *t = find_topic(c, name);
    CHECK((t != NULL) == known[number]);
    if (t) t->received = false, sweep_topics(c);
    else CHECK((t = add_topic(c, name))), t->received = true;
    known[number] = !known[number];
  }
  end(c);
}

static void refuses_frames_that_are_too_long(void) {
  chimed_client *c = registered("t");
  static char piece[65536];
  memset(piece, ' ', sizeof piece);
  size_t sent = 0;
  for (; c->state == READY && sent < 2 * LARGEST_FRAME; sent += sizeof piece) {
    if (send(peer, piece, sizeof piece, MSG_NOSIGNAL) < 0) break;
    receive(c);
    CHECK(c->in.length <= LARGEST_FRAME + 1);
  }
  CHECK(c->state == WAITING && sent >= LARGEST_FRAME && sent <= LARGEST_FRAME + 2 * sizeof piece);
  end(c);
}

/* What a program does in its life, on a connection that is made by hand. */
static void live(void) {
  chimed_options options = {.name = "n", .on_message = record_message, .on_event = record_event, .user = &heard};
  chimed_client *c = chimed_new(&options);
  if (!c) return;
  attach(c);
  chimed_subscribe(c, "t.> u");
  feed_text(c, REGISTERED);
  if (c->socket < 0) {
    close(peer);
    attach(c);
    feed_text(c, REGISTERED);
  }
  for (int i = 0; i < 20; i++) {
    char frame[200];
    snprintf(frame, sizeof frame, "{\"type\":\"t.%d\",\"seq\":1,\"data\":1,\"instance\":\"i%d\"}\f", i, i);
    feed_text(c, frame);
  }
  chimed_publish(c, "t.1", "[1,2]");
  chimed_get(c, "t.1");
  chimed_provide(c, "p");
  feed_text(c,
            "{\"type\":\"chimed.provided\",\"data\":{\"id\":3}}\f{\"type\":\"chimed.wanted\",\"data\":{\"topic\":"
            "\"p\"}}\f");
  chimed_fail(c, "p", "broken");
  chimed_send(c, "p", "1");
  chimed_unsubscribe(c, "t.>");
  feed_text(c, "{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"two\"}}\f");
  lose(c, "connection-lost", "a test");
  close(peer);
  attach(c);
  feed_text(c, REGISTERED);
  settle(c);
  chimed_free(c);
  close(peer);
  forget_record(&heard);
}

static void survives_allocations_that_fail(void) {
  long step = 0;
  bool failed;
  do {
    allocations_left = step++;
    live();
    failed = allocations_left < 0;
    allocations_left = -1;
  } while (failed);
  CHECK(step > 50);
}

int main(void) {
  test("knows names and patterns", knows_names);
  test("matches patterns", matches_patterns);
  test("bounds the delays", bounds_delays);
  test("lists the places of a daemon", lists_places);
  test("finds paths that are too long", finds_paths_that_are_too_long);
  test("distrusts directories of others", distrusts_directories_of_others);
  test("reads frames that are split at any byte", reads_frames_that_are_split_at_any_byte);
  test("loses the connection at what is not a frame", loses_the_connection_at_what_is_not_a_frame);
  test("ignores what it does not know", ignores_what_it_does_not_know);
  test("counts what is missing", counts_what_is_missing);
  test("resumes after the last messages", resumes_after_the_last_messages);
  test("resumes as many topics as fit in a frame, and counts the others all the same",
       resumes_what_fits_in_a_frame);
  test("forgets what it unsubscribes", forgets_what_it_unsubscribes);
  test("keeps the table of topics whole", keeps_the_table_of_topics_whole);
  test("refuses frames that are too long, and stores no more of them", refuses_frames_that_are_too_long);
  test("survives any allocation that fails", survives_allocations_that_fail);
  return tap_done();
}
