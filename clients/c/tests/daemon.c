/* The client against a real daemon: $CHIMED, such as "node /path/dist/cli/main.js", or the installed chimed. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "world.h"

static char directory[64], path[96];
static pid_t daemon_pid;

static const char config[] =
    "topics:\n"
    "  price: { publish: true }\n"
    "  log: { publish: true, history: 100 }\n"
    "  feed: { provide: true }\n"
    "  broken: { interval: 100ms, file: /nonexistent/file }\n"
    "state: { file: %s/state.json }\n";

static void remove_file(const char *name) {
  char file[128];
  snprintf(file, sizeof file, "%s/%s", directory, name);
  unlink(file);
}

/* Starts the daemon; it listens when the program connects. */
static void start(void) {
  char command[1024];
  const char *chimed = getenv("CHIMED");
  snprintf(command, sizeof command, "exec %s serve --config %s/chimed.yaml --socket %s >>%s/log 2>&1",
           chimed ? chimed : "chimed", directory, path, directory);
  daemon_pid = fork();
  if (daemon_pid < 0) abort();
  if (daemon_pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* It ends with this program. */
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

static void stop(int signal) {
  if (daemon_pid <= 0) return;
  kill(daemon_pid, signal);
  waitpid(daemon_pid, NULL, 0);
  daemon_pid = 0;
}

static chimed_client *connected(struct record *r, const char *patterns) {
  forget_record(r);
  chimed_options options = {
      .socket = path, .name = "test", .on_message = record_message, .on_event = record_event, .user = r};
  chimed_client *c = chimed_new(&options);
  CHECK(c && (!patterns || chimed_subscribe(c, patterns) == 0));
  expect_line(c, r, "ready");
  return c;
}

static void leave(chimed_client *c, struct record *r) {
  chimed_free(c);
  forget_record(r);
}

static struct record heard, others;

/* Publishes whole numbers, and waits for each to be numbered. */
static void publish(chimed_client *c, const char *topic, int from, int to) {
  char data[16], answer[64];
  for (int i = from; i <= to; i++) {
    snprintf(data, sizeof data, "%d", i);
    CHECK(chimed_publish(c, topic, data) != 0);
  }
  snprintf(answer, sizeof answer, "published %s %d", topic, to);
  expect_line(c, &others, answer);
}

static void hears_what_another_client_publishes(void) {
  chimed_client *c = connected(&heard, "price log"), *publisher = connected(&others, NULL);
  publish(publisher, "price", 1, 3);
  expect_line(c, &heard, "price 3 +0 3");
  CHECK_TEXT(heard.lines, "ready\nprice 1 +0 1\nprice 2 +0 2\nprice 3 +0 3\n");
  chimed_get(publisher, "price");
  expect_line(publisher, &others, "got price 3");
  chimed_get(publisher, "log");
  expect_line(publisher, &others, "got log nothing");
  chimed_publish(publisher, "none", "1");
  expect_line(publisher, &others, "failed none unknown-topic");
  chimed_publish(publisher, "feed", "1");
  expect_line(publisher, &others, "failed feed not-publishable");
  leave(publisher, &others);
  leave(c, &heard);
}

static void reports_what_is_refused_and_what_fails(void) {
  chimed_client *c = connected(&heard, "none price broken");
  expect_line(c, &heard, "refused none unknown-topic");
  expect_line(c, &heard, "price 3 +0 3");
  for (int64_t end = clock_ms() + PATIENCE_MS; !strstr(heard.lines, "failing broken ");) {
    CHECK(clock_ms() < end);
    CHECK(chimed_wait(c, 100) == 0);
  }
  leave(c, &heard);
}

static void resumes_after_a_graceful_restart(void) {
  chimed_client *c = connected(&heard, "price log"), *publisher = connected(&others, NULL);
  publish(publisher, "log", 1, 3);
  expect_line(c, &heard, "log 3 +0 3");
  stop(SIGTERM);
  expect_line(publisher, &others, "waiting no-daemon");
  start();
  expect_lines(publisher, &others, "ready", 2);
  publish(publisher, "log", 4, 8);   /* The daemon keeps these, */
  publish(publisher, "price", 4, 8); /* but of these, only the last one. */
  expect_line(c, &heard, "log 8 +0 8");
  expect_line(c, &heard, "price 8 +4 8");
  for (int i = 4; i <= 8; i++) {
    char line[32];
    snprintf(line, sizeof line, "log %d +0 %d", i, i);
    CHECK(count_lines(&heard, line) == 1);
  }
  CHECK(count_lines(&heard, "uncounted") == 0 && count_lines(&heard, "ready") == 2);
  leave(publisher, &others);
  leave(c, &heard);
}

static void begins_afresh_after_a_crash(void) {
  chimed_client *c = connected(&heard, "price"), *publisher = connected(&others, NULL);
  expect_line(c, &heard, "price 8 +0 8");
  stop(SIGKILL);
  remove_file("state.json");
  expect_line(c, &heard, "waiting connection-lost");
  start();
  expect_lines(c, &heard, "ready", 2);
  expect_line(c, &heard, "uncounted");
  expect_lines(publisher, &others, "ready", 2);
  publish(publisher, "price", 1, 2);
  expect_line(c, &heard, "price 2 +0 2");
  CHECK(count_lines(&heard, "price 1 +0 1") == 1);
  leave(publisher, &others);
  leave(c, &heard);
}

/* A program that is slower than its topic: the daemon skips messages, and each of them is counted. */
static void counts_exactly_what_it_misses(void) {
  enum { COUNT = 4000 };
  static char data[1000];
  char answer[64];
  memset(data, 'x', sizeof data - 1);
  data[0] = data[sizeof data - 2] = '"';
  chimed_client *c = connected(&heard, "log"), *publisher = connected(&others, NULL);
  chimed_publish(publisher, "log", "0");
  expect_line(c, &heard, "log 1 +0 0");
  chimed_pause(c, true);
  for (int i = 0; i < COUNT; i++) CHECK(chimed_publish(publisher, "log", data) != 0);
  snprintf(answer, sizeof answer, "published log %d", COUNT + 1);
  expect_line(publisher, &others, answer);
  chimed_pause(c, false);
  for (int64_t end = clock_ms() + PATIENCE_MS; heard.last_seq < COUNT + 1;)
    CHECK(clock_ms() < end && chimed_wait(c, 100) == 0);
  printf("# received %zu, missed %" PRIu64 "\n", heard.messages, heard.missed);
  CHECK(heard.messages + heard.missed == COUNT + 1 && heard.missed > 0);
  leave(publisher, &others);
  leave(c, &heard);
}

static void provides_a_topic(void) {
  chimed_client *provider = connected(&others, NULL);
  CHECK(chimed_provide(provider, "feed") == 0 && chimed_provide(provider, "price") == 0);
  expect_line(provider, &others, "unprovided price not-providable");
  chimed_client *c = connected(&heard, "feed");
  expect_line(provider, &others, "wanted feed");
  CHECK(chimed_send(provider, "feed", "{\"n\": 1}") == 0);
  expect_line(c, &heard, "feed 1 +0 {\"n\":1}");
  CHECK(chimed_fail(provider, "feed", "the sensor \"a\" is gone") == 0);
  expect_line(c, &heard, "failing feed the sensor \"a\" is gone");
  CHECK(chimed_send(provider, "feed", "2") == 0);
  expect_line(c, &heard, "recovered feed");
  expect_line(c, &heard, "feed 2 +0 2");
  struct record rival_heard = {0};
  chimed_client *rival = connected(&rival_heard, NULL);
  CHECK(chimed_provide(rival, "feed") == 0);
  expect_line(rival, &rival_heard, "unprovided feed already-provided");
  leave(rival, &rival_heard);
  stop(SIGTERM);
  expect_line(provider, &others, "unwanted feed");
  start();
  expect_lines(c, &heard, "ready", 2);
  expect_lines(provider, &others, "wanted feed", 2);
  CHECK(chimed_send(provider, "feed", "3") == 0);
  expect_line(c, &heard, "feed 3 +0 3");
  CHECK(chimed_unsubscribe(c, "feed") == 0 && chimed_process(c) == 0);
  expect_lines(provider, &others, "unwanted feed", 2);
  CHECK(chimed_unprovide(provider, "feed") == 0);
  leave(c, &heard);
  leave(provider, &others);
}

static void finds_the_daemon_by_the_environment(void) {
  setenv("CHIMED_SOCKET_PATH", path, 1);
  chimed_client *c = chimed_new(&(chimed_options){.on_event = record_event, .user = &heard});
  CHECK(c);
  expect_line(c, &heard, "ready");
  leave(c, &heard);
}

int main(void) {
  char file[96];
  temporary_directory(directory);
  snprintf(path, sizeof path, "%s/s", directory);
  snprintf(file, sizeof file, "%s/chimed.yaml", directory);
  FILE *out = fopen(file, "w");
  if (!out || fprintf(out, config, directory) < 0 || fclose(out) != 0) abort();
  start();
  struct record first = {0};
  chimed_client *c = chimed_new(&(chimed_options){.socket = path, .on_event = record_event, .user = &first});
  for (int64_t end = clock_ms() + PATIENCE_MS; c && count_lines(&first, "ready") == 0 && clock_ms() < end;) {
    if (waitpid(daemon_pid, NULL, WNOHANG) == daemon_pid) {
      daemon_pid = 0;
      break;
    }
    chimed_wait(c, 100);
  }
  bool works = count_lines(&first, "ready") > 0;
  leave(c, &first);
  if (works) {
    test("hears what another client publishes", hears_what_another_client_publishes);
    test("reports what is refused and what fails", reports_what_is_refused_and_what_fails);
    test("resumes after a graceful restart, and counts exactly what it missed", resumes_after_a_graceful_restart);
    test("begins afresh after a crash", begins_afresh_after_a_crash);
    test("counts exactly what it misses while it is slow", counts_exactly_what_it_misses);
    test("provides a topic, also after a restart", provides_a_topic);
    test("finds the daemon by the environment", finds_the_daemon_by_the_environment);
  } else {
    snprintf(file, sizeof file, "sed 's/^/# /' %s/log", directory);
    if (system(file) != 0) printf("# there is no log\n");
    printf("Bail out! Cannot start the daemon by '%s serve'. Set CHIMED to the command that starts chimed.\n",
           getenv("CHIMED") ? getenv("CHIMED") : "chimed");
  }
  stop(SIGTERM);
  static const char *const files[] = {"chimed.yaml", "log", "state.json", "s", "s.lock"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) remove_file(files[i]);
  rmdir(directory);
  return works ? tap_done() : 1;
}
