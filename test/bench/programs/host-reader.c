/*
 * Reads what a daemon says of its host, in as few instructions as a reader can need, and prints a line for each message or
 * scrape: the number of its bytes.
 * Usage: host-reader listen SOCKET TOPICS_AS_JSON
 *        host-reader scrape PORT
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 20];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_all(int fd, const char *text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail("write");
}

/* Each frame ends with a form feed. */
static void listen_to(const char *path, const char *topics) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail(path);
  snprintf(buffer, sizeof buffer, "{\"type\":\"chimed.register\",\"data\":{\"topics\":%s}}\f", topics);
  send_all(fd, buffer);
  long bytes = 0;
  for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;) {
    for (char *rest = buffer, *end; rest < buffer + length; rest = end + 1) {
      end = memchr(rest, '\f', (size_t)(buffer + length - rest));
      bytes += (end ? end : buffer + length) - rest;
      if (!end) break;
      printf("%ld\n", bytes);
      bytes = 0;
    }
  }
}

/* One connection for all scrapes. The answer is chunked, or says how long it is. */
static void scrape(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  struct timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (;; due.tv_sec++) {
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    send_all(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    size_t length = 0, expected = 0;
    for (;;) {
      ssize_t more = read(fd, buffer + length, sizeof buffer - 1 - length);
      if (more <= 0) fail("read");
      buffer[length += (size_t)more] = '\0';
      char *body = strstr(buffer, "\r\n\r\n");
      if (!body) continue;
      char *said = expected ? NULL : strstr(buffer, "Content-Length: ");
      if (said && said < body) expected = (size_t)(body + 4 - buffer) + strtoul(said + 16, NULL, 10);
      if (expected ? length >= expected : length >= 7 && memcmp(buffer + length - 7, "\r\n0\r\n\r\n", 7) == 0) break;
    }
    printf("%zu\n", length);
  }
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count == 4 && strcmp(arguments[1], "listen") == 0) listen_to(arguments[2], arguments[3]);
  else if (count == 3 && strcmp(arguments[1], "scrape") == 0) scrape(atoi(arguments[2]));
  else return 2;
  return 1;
}
