/* The client through its public API, against a scripted daemon in the same process. */
#define _POSIX_C_SOURCE 200809L
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "world.h"

/* A daemon that says what a test has it say. */
static struct {
  char directory[64], path[96];
  int listener, connection;
  char in[1 << 20];
  size_t length;
} peer = {.listener = -1, .connection = -1};

static struct record heard;
static chimed_client *client;

static void listen_again(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  unlink(peer.path);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", peer.path);
  peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(peer.listener >= 0 && bind(peer.listener, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(peer.listener, 8) == 0);
}

static void hang_up(void) {
  if (peer.connection >= 0) close(peer.connection);
  peer.connection = -1;
  peer.length = 0;
}

static void stop_listening(void) {
  close(peer.listener);
  peer.listener = -1;
}

static chimed_options options(void) {
  return (chimed_options){.socket = peer.path,
                          .retry_min_ms = 1,
                          .retry_max_ms = 20,
                          .on_message = record_message,
                          .on_event = record_event,
                          .on_log = record_log,
                          .user = &heard};
}

static void say(const char *frame) {
  size_t length = strlen(frame), sent = 0;
  for (int64_t end = clock_ms() + PATIENCE_MS; sent < length;) {
    ssize_t more = send(peer.connection, frame + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (more > 0) sent += (size_t)more;
    else if (client) chimed_wait(client, 10); /* It has to read. */
    CHECK(clock_ms() < end);
  }
}

/* Runs the client until it has sent something that contains a text. Returns that frame, and forgets those before
 * it. */
static const char *expect_frame(const char *text) {
  static char frame[1 << 16];
  for (int64_t end = clock_ms() + PATIENCE_MS;;) {
    if (peer.connection < 0 && peer.listener >= 0) peer.connection = accept(peer.listener, NULL, NULL);
    ssize_t more = peer.connection < 0
                       ? 0
                       : recv(peer.connection, peer.in + peer.length, sizeof peer.in - peer.length, MSG_DONTWAIT);
    if (more > 0) peer.length += (size_t)more;
    for (char *stop; (stop = memchr(peer.in, '\f', peer.length));) {
      size_t length = (size_t)(stop - peer.in);
      *stop = 0;
      memcpy(frame, peer.in, length < sizeof frame ? length + 1 : sizeof frame);
      frame[sizeof frame - 1] = 0;
      peer.length -= length + 1;
      memmove(peer.in, stop + 1, peer.length);
      if (strstr(frame, text)) return frame;
    }
    if (clock_ms() > end) printf("# waited for the frame: %s\n", text);
    CHECK(clock_ms() <= end);
    chimed_wait(client, 10);
  }
}

static void greet(const char *instance) {
  char frame[200];
  expect_frame("chimed.register\"");
  snprintf(frame, sizeof frame,
           "{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"%s\",\"limits\":{\"frameBytes\":1048576}}}\f",
           instance);
  say(frame);
}

static void end(void) {
  chimed_free(client);
  client = NULL;
  hang_up();
  if (peer.listener >= 0) stop_listening();
  forget_record(&heard);
}

static void begin(const chimed_options *how, const char *patterns) {
  end(); /* A test that has failed has left all as it was. */
  listen_again();
  client = chimed_new(how);
  CHECK(client && (!patterns || chimed_subscribe(client, patterns) == 0));
  greet("one");
  expect_line(client, &heard, "ready");
}

static void begin_simply(const char *patterns) {
  chimed_options how = options();
  begin(&how, patterns);
}

static void keeps_one_descriptor(void) {
  begin_simply("t");
  int fd = chimed_fd(client);
  /* As another event loop does: an epoll that watches it. */
  int loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  CHECK(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
  CHECK(epoll_wait(loop, &event, 1, 0) == 0);
  say("{\"type\":\"t\",\"seq\":1,\"data\":1}\f");
  CHECK(epoll_wait(loop, &event, 1, PATIENCE_MS) == 1 && chimed_process(client) == 0);
  CHECK_TEXT(heard.lines, "ready\nt 1 +0 1\n");
  CHECK(epoll_wait(loop, &event, 1, 0) == 0);
  hang_up();
  for (int64_t stop = clock_ms() + PATIENCE_MS;
       peer.connection < 0;) { /* It reconnects by this descriptor alone. */
    CHECK(clock_ms() < stop && epoll_wait(loop, &event, 1, PATIENCE_MS) == 1 && chimed_process(client) == 0);
    peer.connection = accept(peer.listener, NULL, NULL);
  }
  greet("one");
  CHECK(epoll_wait(loop, &event, 1, PATIENCE_MS) == 1 && chimed_process(client) == 0);
  CHECK(chimed_fd(client) == fd && count_lines(&heard, "ready") == 2);
  close(loop);
  end();
}

static void resumes(void) {
  begin_simply("t u.>");
  say("{\"type\":\"t\",\"seq\":4,\"data\":1}\f{\"type\":\"u.a\",\"seq\":9,\"data\":2,\"instance\":\"north\"}\f");
  expect_line(client, &heard, "u.a 9 +0 2");
  hang_up();
  const char *hello = expect_frame("chimed.register\"");
  CHECK(strstr(hello, "\"topics\":[\"t\",\"u.>\"]") && strstr(hello, "\"instance\":\"one\""));
  CHECK(strstr(hello, "\"t\":4") && strstr(hello, "\"u.a\":9") &&
        strstr(hello, "\"instances\":{\"u.a\":\"north\"}"));
  say("{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"one\"}}\f{\"type\":\"t\",\"seq\":4,\"data\":1}\f{"
      "\"type\":\"t\",\"seq\":8,\"data\":3}\f");
  expect_line(client, &heard, "t 8 +3 3");
  CHECK(count_lines(&heard, "t 4 +0 1") == 1 && count_lines(&heard, "uncounted") == 0);
  hang_up();
  greet("two");
  say("{\"type\":\"t\",\"seq\":1,\"data\":4}\f{\"type\":\"u.a\",\"seq\":11,\"data\":5,\"instance\":\"north\"}\f");
  expect_line(client, &heard, "t 1 +0 4");
  expect_line(client, &heard, "u.a 11 +1 5");
  CHECK(count_lines(&heard, "uncounted") == 1);
  end();
}

static void says_why_it_waits(void) {
  begin_simply("t");
  say("{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"stalled\",\"message\":\"too slow\"}}\f");
  hang_up();
  expect_line(client, &heard, "waiting stalled");
  greet("one");
  say("{\"type\":\"chimed.stopping\",\"data\":{\"reason\":\"SIGTERM\"}}\f");
  hang_up();
  stop_listening();
  unlink(peer.path);
  expect_lines(client, &heard, "waiting no-daemon", 2);
  listen_again();
  greet("one");
  expect_lines(client, &heard, "ready", 3);
  end();
}

/* A registration that the daemon finds too large must get smaller. */
static void shrinks_a_registration_that_is_too_large(void) {
  begin_simply("t.>");
  for (int i = 0; i < 1000; i++) {
    char frame[100];
    snprintf(frame, sizeof frame, "{\"type\":\"t.topic-%d\",\"seq\":1,\"data\":1}\f", i);
    say(frame);
  }
  expect_line(client, &heard, "t.topic-999 1 +0 1");
  hang_up();
  size_t length = strlen(expect_frame("chimed.register\"")), former;
  do {
    former = length;
    say("{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"too-large\",\"message\":\"limit 4096\"}}\f");
    hang_up();
    length = strlen(expect_frame("chimed.register\""));
    CHECK(length <= former);
  } while (length > 4096);
  end();
}

static void answers_requests(void) {
  begin_simply(NULL);
  CHECK(chimed_publish(client, "t", "{\"a\": [1]}") == 1);
  CHECK_TEXT(expect_frame("publish"),
             "{\"type\":\"chimed.publish\",\"data\":{\"id\":1,\"topic\":\"t\",\"data\":{\"a\": [1]}}}");
  CHECK(chimed_get(client, "u") == 2 && chimed_get(client, "v") == 3 && chimed_publish(client, "w", "1") == 4);
  say("{\"type\":\"chimed.got\",\"data\":{\"id\":3,\"topic\":\"v\"}}\f"
      "{\"type\":\"chimed.got\",\"data\":{\"id\":2,\"topic\":\"u\",\"seq\":5,\"time\":6,\"data\":{\"x\":\"y\"}}}\f"
      "{\"type\":\"chimed.rejected\",\"data\":{\"id\":4,\"code\":\"too-fast\",\"message\":\"\",\"request\":"
      "\"chimed.publish\"}}\f"
      "{\"type\":\"chimed.rejected\",\"data\":{\"id\":4,\"code\":\"unknown-topic\",\"message\":\"\",\"request\":"
      "\"chimed.publish\"}}\f"
      "{\"type\":\"chimed.published\",\"data\":{\"id\":1,\"topic\":\"t\",\"seq\":77}}\f");
  expect_line(client, &heard, "published t 77");
  CHECK_TEXT(heard.lines, "ready\ngot v nothing\ngot u {\"x\":\"y\"}\nfailed w unknown-topic\npublished t 77\n");
  CHECK(chimed_publish(client, "t", "[1") == 0 && errno == EINVAL);
  CHECK(chimed_publish(client, "t", NULL) == 0 && errno == EINVAL);
  CHECK(chimed_publish(client, "t", "1\f") == 0 && errno == EINVAL);
  CHECK(chimed_publish(client, "t.*", "1") == 0 && errno == EINVAL);
  CHECK(chimed_subscribe(client, "") == -1 && errno == EINVAL);
  CHECK(chimed_subscribe(client, "a ..") == -1 && errno == EINVAL);
  end();
}

static void fails_requests(void) {
  chimed_options how = options();
  how.timeout_ms = 300;
  begin(&how, NULL);
  chimed_publish(client, "lost", "1");
  expect_frame("publish");
  hang_up();
  expect_line(client, &heard, "failed lost connection-lost");
  chimed_publish(client, "waits", "1");
  greet("one");
  expect_frame("\"waits\"");
  expect_line(client, &heard, "failed waits timeout");
  char *data = malloc(1048577), *deep = malloc(131), *many = malloc(100002);
  CHECK(data && deep && many);
  memset(data, '1', 1048576);
  data[1048576] = 0;
  memset(deep, '[', 65);
  memset(deep + 65, ']', 65);
  deep[130] = 0;
  for (int i = 0; i < 50000; i++) memcpy(many + 2 * i, i ? ",0" : "[0", 2);
  memcpy(many + 100000, "]", 2);
  chimed_publish(client, "long", data);
  chimed_publish(client, "deep", deep);
  chimed_publish(client, "many", many);
  chimed_publish(client, "right", "1");
  CHECK(strstr(expect_frame("publish"), "right"));
  expect_line(client, &heard, "failed long too-large");
  expect_line(client, &heard, "failed deep too-large");
  expect_line(client, &heard, "failed many too-large");
  free(data);
  free(deep);
  free(many);
  chimed_publish(client, "closed", "1");
  chimed_close(client);
  CHECK(count_lines(&heard, "failed closed closed") == 1 && count_lines(&heard, "failed right closed") == 1);
  CHECK(chimed_publish(client, "t", "1") == 0 && errno == ECANCELED);
  CHECK(chimed_process(client) == -1 && errno == ECANCELED);
  CHECK(chimed_run(client) == 0);
  end();
}

static void provides(void) {
  char frame[100];
  begin_simply(NULL);
  CHECK(chimed_send(client, "feed", "1") == -1 && errno == ENOENT);
  CHECK(chimed_fail(client, "feed", "x") == -1 && errno == ENOENT);
  CHECK(chimed_provide(client, "feed") == 0 && chimed_provide(client, "feed") == 0);
  CHECK_TEXT(expect_frame("provide"), "{\"type\":\"chimed.provide\",\"data\":{\"id\":1,\"topics\":[\"feed\"]}}");
  CHECK(chimed_send(client, "feed", "1") == -1 && errno == EAGAIN);
  CHECK(chimed_fail(client, "feed", "not yet") == 0);
  say("{\"type\":\"chimed.wanted\",\"data\":{\"topic\":\"feed\"}}\f{\"type\":\"chimed.provided\",\"data\":{\"id\":"
      "1}}\f");
  CHECK_TEXT(expect_frame("fail"),
             "{\"type\":\"chimed.fail\",\"data\":{\"topic\":\"feed\",\"error\":\"not yet\"}}");
  expect_line(client, &heard, "room");
  CHECK(count_lines(&heard, "wanted feed") == 0); /* That was about a provider before. */
  say("{\"type\":\"chimed.wanted\",\"data\":{\"topic\":\"feed\",\"instance\":\"one\",\"seq\":0}}\f");
  expect_line(client, &heard, "wanted feed");
  CHECK(chimed_send(client, "feed", "{\"n\":1}") == 0);
  CHECK_TEXT(expect_frame("feed"), "{\"type\":\"feed\",\"data\":{\"n\":1}}");
  CHECK(chimed_fail(client, "feed", NULL) == 0); /* It does not fail. */
  CHECK(chimed_fail(client, "feed", "") == 0);
  CHECK(strstr(expect_frame("fail"), "no reason was given"));
  say("{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"too-large\",\"message\":\"\",\"request\":\"feed\","
      "\"topic\":\"feed\"}}\f");
  expect_line(client, &heard, "dropped feed too-large");
  hang_up();
  expect_line(client, &heard, "unwanted feed");
  greet("one");
  CHECK_TEXT(expect_frame("provide"), "{\"type\":\"chimed.provide\",\"data\":{\"id\":2,\"topics\":[\"feed\"]}}");
  /* The daemon has not noticed yet that the former connection is gone. */
  say("{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"already-provided\",\"message\":\"\",\"request\":\"chimed."
      "provide\",\"topic\":\"feed\",\"id\":2}}\f");
  CHECK_TEXT(expect_frame("provide"), "{\"type\":\"chimed.provide\",\"data\":{\"id\":3,\"topics\":[\"feed\"]}}");
  CHECK(count_lines(&heard, "unprovided feed already-provided") == 0);
  say("{\"type\":\"chimed.provided\",\"data\":{\"id\":3}}\f");
  CHECK(strstr(expect_frame("fail"), "no reason was given")); /* Said again. */
  CHECK(chimed_unprovide(client, "feed") == 0);
  CHECK_TEXT(expect_frame("unprovide"), "{\"type\":\"chimed.unprovide\",\"data\":{\"topics\":[\"feed\"]}}");
  CHECK(chimed_send(client, "feed", "1") == -1 && errno == ENOENT);
  for (int i = 0; i < 300; i++) {
    snprintf(frame, sizeof frame, "feed.%d", i);
    CHECK(chimed_provide(client, frame) == 0);
  }
  expect_frame("feed.299");
  hang_up();
  greet("one");
  const char *all = expect_frame("provide"); /* All in one frame. */
  for (int i = 0; i < 300; i++) {
    snprintf(frame, sizeof frame, "\"feed.%d\"", i);
    CHECK(strstr(all, frame));
  }
  say("{\"type\":\"chimed.rejected\",\"data\":{\"code\":\"not-allowed\",\"message\":\"\",\"request\":\"chimed."
      "provide\"}}\f");
  expect_line(client, &heard, "unprovided feed.299 not-allowed");
  expect_line(client, &heard, "unprovided feed.0 not-allowed");
  end();
}

static void pauses(void) {
  begin_simply("t");
  chimed_pause(client, true);
  say("{\"type\":\"t\",\"seq\":1,\"data\":1}\f");
  CHECK(chimed_process(client) == 0 && chimed_process(client) == 0);
  CHECK(poll(&(struct pollfd){.fd = chimed_fd(client), .events = POLLIN}, 1, 0) == 0);
  CHECK(heard.messages == 0);
  /* The end of the connection counts after the messages before it, and does not keep the descriptor readable. */
  hang_up();
  CHECK(chimed_process(client) == 0);
  CHECK(poll(&(struct pollfd){.fd = chimed_fd(client), .events = POLLIN}, 1, 0) == 0);
  chimed_pause(client, false);
  expect_line(client, &heard, "waiting connection-lost");
  CHECK_TEXT(heard.lines, "ready\nt 1 +0 1\nwaiting connection-lost\n");
  chimed_pause(client, true); /* It connects all the same. */
  greet("one");
  expect_lines(client, &heard, "ready", 2);
  end();
}

static void pause_here(chimed_client *c, const chimed_message *m, void *user) {
  record_message(c, m, user);
  chimed_pause(c, true);
}

static void pauses_within_what_it_has_read(void) {
  chimed_options how = options();
  how.on_message = pause_here;
  begin(&how, "t");
  say("{\"type\":\"t\",\"seq\":1,\"data\":1}\f{\"type\":\"t\",\"seq\":2,\"data\":2}\f{\"type\":\"t\",\"seq\":3,"
      "\"data\":3}\f");
  for (size_t count = 1; count <= 3; count++) {
    for (int64_t stop = clock_ms() + PATIENCE_MS; heard.messages < count;)
      CHECK(clock_ms() < stop && chimed_wait(client, 100) == 0);
    CHECK(chimed_process(client) == 0 && heard.messages == count);
    chimed_pause(client, false);
  }
  end();
}

static void survives_a_daemon_that_does_not_read(void) {
  chimed_options how = options();
  how.timeout_ms = 200;
  begin(&how, NULL);
  chimed_provide(client, "feed");
  expect_frame("provide");
  say("{\"type\":\"chimed.provided\",\"data\":{\"id\":1}}\f{\"type\":\"chimed.wanted\",\"data\":{\"topic\":"
      "\"feed\"}}\f");
  expect_line(client, &heard, "wanted feed");
  static char data[100003];
  memset(data, 'x', sizeof data - 1);
  data[0] = data[sizeof data - 2] = '"';
  size_t sent = 0;
  while (chimed_send(client, "feed", data) == 0) CHECK(++sent < 100);
  CHECK(errno == EAGAIN && sent >= 10);
  for (int i = 0; i < 100; i++) CHECK(chimed_publish(client, "t", data) != 0);
  expect_lines(client, &heard, "failed t timeout", 100);
  CHECK(count_lines(&heard, "room") == 0);
  expect_frame("feed"); /* It reads again. */
  for (int64_t stop = clock_ms() + PATIENCE_MS; count_lines(&heard, "room") == 0;) {
    CHECK(clock_ms() < stop && chimed_wait(client, 10) == 0);
    while (recv(peer.connection, peer.in, sizeof peer.in, MSG_DONTWAIT) > 0) continue;
  }
  while (chimed_send(client, "feed", data) == 0) continue;
  int64_t before = clock_ms();
  chimed_close(client);
  CHECK(clock_ms() - before < 1000);
  end();
}

static void causes_no_sigpipe(void) {
  begin_simply(NULL);
  hang_up();
  for (int i = 0; i < 10; i++) chimed_publish(client, "t", "1"); /* It would end this process. */
  expect_lines(client, &heard, "failed t connection-lost", 10);
  end();
}

/* What a callback does. */
static void (*act)(chimed_client *c);

static void act_on_message(chimed_client *c, const chimed_message *m, void *user) {
  record_message(c, m, user);
  if (act) act(c);
}

static void act_on_event(chimed_client *c, const chimed_event *e, void *user) {
  record_event(c, e, user);
  if (act && e->type != CHIMED_READY) act(c);
}

static void unsubscribe_here(chimed_client *c) { chimed_unsubscribe(c, "t"); }
static void close_here(chimed_client *c) { chimed_close(c); }
static void free_here(chimed_client *c) { chimed_free(c); }
static void work_here(chimed_client *c) {
  CHECK(chimed_process(c) == -1 && errno == EDEADLK);
  CHECK(chimed_wait(c, 0) == -1 && errno == EDEADLK);
  CHECK(chimed_publish(c, "t", "1") != 0 && chimed_get(c, "t") != 0 && chimed_subscribe(c, "u") == 0);
  act = NULL;
}

#define THREE_MESSAGES                                                                                       \
  "{\"type\":\"t\",\"seq\":1,\"data\":1}\f{\"type\":\"t\",\"seq\":2,\"data\":2}\f{\"type\":\"t\",\"seq\":3," \
  "\"data\":3}\f"

static void act_in_callbacks(void (*what)(chimed_client *c)) {
  chimed_options how = options();
  how.on_message = act_on_message;
  how.on_event = act_on_event;
  act = NULL;
  begin(&how, "t");
  act = what;
  say(THREE_MESSAGES);
}

static void allows_calls_in_callbacks(void) {
  act_in_callbacks(work_here);
  expect_frame("publish");
  expect_frame("chimed.get");
  expect_frame("\"u\"");
  act = NULL;
  end();
}

static void unsubscribes_in_a_callback(void) {
  act_in_callbacks(unsubscribe_here);
  expect_frame("unregister");
  CHECK_TEXT(heard.lines, "ready\nt 1 +0 1\n");
  end();
}

static void closes_in_a_callback(void) {
  act_in_callbacks(close_here);
  CHECK(chimed_run(client) == 0);
  CHECK_TEXT(heard.lines, "ready\nt 1 +0 1\n");
  end();
}

static void is_freed_in_a_callback(void) {
  act_in_callbacks(free_here);
  CHECK(chimed_wait(client, PATIENCE_MS) == -1 && errno == ECANCELED);
  CHECK_TEXT(heard.lines, "ready\nt 1 +0 1\n");
  client = NULL;
  end();
  /* While it loses its connection, with much to fail: the first event frees it, and closing it reports the rest. */
  act_in_callbacks(NULL);
  expect_line(client, &heard, "t 3 +0 3");
  for (int i = 0; i < 3; i++) chimed_publish(client, "p", "1");
  chimed_provide(client, "feed");
  expect_frame("provide");
  act = close_here;
  hang_up();
  CHECK(chimed_run(client) == 0);
  CHECK(count_lines(&heard, "failed p closed") == 2 && count_lines(&heard, "failed p connection-lost") == 1);
  act = NULL;
  end();
}

static void checks_its_options(void) {
  char name[102];
  memset(name, 'a', sizeof name);
  name[101] = 0;
  CHECK(!chimed_new(&(chimed_options){.name = name}) && errno == EINVAL);
  CHECK(!chimed_new(&(chimed_options){.name = "a\nb"}) && errno == EINVAL);
  CHECK(!chimed_new(&(chimed_options){.name = "\xff"}) && errno == EINVAL);
  name[100] = 0;
  chimed_client *c = chimed_new(&(chimed_options){.name = name});
  CHECK(c);
  chimed_free(c);
  chimed_free(c = chimed_new(NULL));
  chimed_free(NULL);
  CHECK_TEXT(chimed_version(), CHIMED_VERSION);
}

int main(void) {
  temporary_directory(peer.directory);
  snprintf(peer.path, sizeof peer.path, "%s/s", peer.directory);
  test("needs one file descriptor in an event loop, which stays the same", keeps_one_descriptor);
  test("resumes after a reconnection", resumes);
  test("says why it waits", says_why_it_waits);
  test("shrinks a registration that is too large", shrinks_a_registration_that_is_too_large);
  test("answers requests by their ids", answers_requests);
  test("fails requests that are lost, late, too large or closed", fails_requests);
  test("provides topics", provides);
  test("pauses", pauses);
  test("pauses within what it has read", pauses_within_what_it_has_read);
  test("survives a daemon that does not read", survives_a_daemon_that_does_not_read);
  test("causes no SIGPIPE", causes_no_sigpipe);
  test("allows calls in callbacks", allows_calls_in_callbacks);
  test("unsubscribes in a callback", unsubscribes_in_a_callback);
  test("closes in a callback", closes_in_a_callback);
  test("is freed in a callback", is_freed_in_a_callback);
  test("checks its options", checks_its_options);
  unlink(peer.path);
  rmdir(peer.directory);
  return tap_done();
}
