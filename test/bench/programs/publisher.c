/*
 * Publishes at every tick for a broker that has no schedule of its own, in as few instructions as a publisher can need:
 * one sleep and one write per tick. The bench prepares the bytes, so this program serves every protocol.
 * Usage: publisher PATH|PORT INTERVAL_MS GREETING_FILE MESSAGES_FILE
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* In each payload, the spaces after this are overwritten with the time. */
static const char TIME[] = "\"at\":";
static const long SECOND_NS = 1000000000;
enum { MOST_MESSAGES = 1024 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  if (!bytes || fread(bytes, 1, *size, file) != *size) fail(path);
  fclose(file);
  return bytes;
}

static int connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(path);
  return fd;
}

static int connect_tcp(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(port);
  return fd;
}

static void write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0) fail("write");
    bytes += written;
    size -= (size_t)written;
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 64;
  int fd = argv[1][0] == '/' ? connect_unix(argv[1]) : connect_tcp(argv[1]);
  long interval_ns = atol(argv[2]) * 1000000;
  size_t size;
  char *greeting = read_file(argv[3], &size);
  write_all(fd, greeting, size);
  char *messages = read_file(argv[4], &size);

  char *times[MOST_MESSAGES];
  size_t count = 0;
  char *end = messages + size;
  for (char *at = messages; (at = memmem(at, (size_t)(end - at), TIME, sizeof TIME - 1)); count++) {
    if (count == MOST_MESSAGES) return 1;
    times[count] = at += sizeof TIME - 1;
  }
  if (count == 0) return 1;
  int width = (int)strspn(times[0], " ");

  struct timespec due, now;
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (;;) {
    due.tv_nsec += interval_ns % SECOND_NS;
    due.tv_sec += interval_ns / SECOND_NS + due.tv_nsec / SECOND_NS;
    due.tv_nsec %= SECOND_NS;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    for (size_t i = 0; i < count; i++) {
      char text[32];
      clock_gettime(CLOCK_MONOTONIC, &now);
      snprintf(text, sizeof text, "%*lld", width, now.tv_sec * 1000000LL + now.tv_nsec / 1000);
      memcpy(times[i], text, (size_t)width);
    }
    write_all(fd, messages, size);
  }
}
