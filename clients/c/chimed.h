/* SPDX-License-Identifier: MIT */
/*
 * chimed.h - a client of chimed, the daemon that broadcasts samples to local processes
 *
 * A chimed_client is one connection to the daemon and one ordered stream of messages. It connects in the
 * background, reconnects without end, resumes after the last message of each topic, and counts what it missed.
 *
 *     chimed_client *client = chimed_new(&(chimed_options){.name = "dashboard", .on_message = print});
 *     chimed_subscribe(client, "host.>");
 *     chimed_run(client);
 *
 * CALLBACKS are called by chimed_process(), and so by chimed_wait() and chimed_run(); chimed_close() and
 * chimed_free() call on_event for requests that have no answer; on_log can be called by any function. A callback
 * can call every function of this file except chimed_process(), chimed_wait() and chimed_run(), which fail with
 * EDEADLK there. After chimed_free() in a callback, the client must not be used; its memory is released once the
 * callback has returned. What a callback receives is valid until it returns.
 *
 * ERRORS: functions that return int return 0, or -1 with errno set. Nearly all of them can fail with ENOMEM, EINVAL
 * (an argument is not valid) and ECANCELED (the client is closed). If memory runs out while a frame of the daemon
 * is handled, the client closes the connection, reconnects and resumes: nothing is lost without being counted.
 *
 * THREADS: a client can be used by one thread at a time. The library has no global state and starts no threads. It
 * causes no SIGPIPE, and its file descriptors are closed on exec. A child process must not use the client of its
 * parent.
 *
 * The library needs Linux (epoll, timerfd). Topics, codes and rules are described in chimed's docs/wire.md and
 * docs/operations.md.
 */
#ifndef CHIMED_H
#define CHIMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHIMED_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct chimed_client chimed_client;

/* JSON text: a value and its length in bytes. text is NULL if there is no value. */
typedef struct {
  const char *text;
  size_t length;
} chimed_json;

/* One message of a topic. */
typedef struct {
  const char *topic;
  uint64_t seq;         /* its number in the topic, from 1 */
  uint64_t missed;      /* messages of the topic that this client missed before it */
  int64_t time;         /* when it was made, in milliseconds since the epoch */
  int64_t offset;       /* its number among the messages of all topics; -1: none, it was kept across a restart */
  const char *instance; /* the numbering that seq belongs to: with another one, numbers begin again */
  bool stale;           /* the topic's source has failed since */
  chimed_json data;     /* the payload; data.text is also terminated by NUL */
} chimed_message;

typedef enum {
  CHIMED_READY = 1,  /* the daemon has registered the client; again after each reconnection */
  CHIMED_WAITING,    /* the connection is lost or was not established: code, message; retries after delay_ms */
  CHIMED_UNCOUNTED,  /* an unknown number of messages may be lost: of topic, or of all topics if it is NULL */
  CHIMED_REFUSED,    /* the daemon refuses the pattern topic (NULL: some): code, message. It is unsubscribed */
  CHIMED_FAILING,    /* the source of topic fails: message */
  CHIMED_RECOVERED,  /* the source of topic has recovered */
  CHIMED_PUBLISHED,  /* the daemon has the message of chimed_publish(): id, topic, seq */
  CHIMED_GOT,        /* the answer to chimed_get(): id, topic, last */
  CHIMED_FAILED,     /* the request id failed: topic, code, message */
  CHIMED_WANTED,     /* the provided topic has subscribers; instance and seq of its last message. Can be repeated */
  CHIMED_UNWANTED,   /* the provided topic has none, or the connection is lost */
  CHIMED_UNPROVIDED, /* the daemon does not let this client provide topic (any more): code, message */
  CHIMED_DROPPED,    /* the daemon refused a message of the provided topic: code, message */
  CHIMED_ROOM        /* chimed_send() failed with EAGAIN; it can be called again */
} chimed_event_type;

/* What happened beside messages. Fields that the type does not name are NULL or 0. */
typedef struct {
  chimed_event_type type;
  const char *topic;
  const char *code;    /* one of the codes in docs/operations.md, such as "unknown-topic" or "timeout" */
  const char *message; /* for people */
  const char *instance;
  uint64_t id;
  uint64_t seq;
  unsigned delay_ms;
  const chimed_message *last; /* of CHIMED_GOT: the last message, or NULL if the topic has none */
} chimed_event;

typedef enum { CHIMED_DEBUG, CHIMED_INFO, CHIMED_WARNING } chimed_level;

/* How to connect. Fields that are 0 or NULL have their default. */
typedef struct {
  const char *socket;    /* path of the daemon's socket; default: $CHIMED_SOCKET_PATH, otherwise the usual places */
  const char *name;      /* name in the daemon's log and status, at most 100 characters; default: none */
  unsigned retry_min_ms; /* upper bound of the first random delay before a retry, default 100; doubles up to */
  unsigned retry_max_ms; /* this, default 5000 */
  unsigned timeout_ms;   /* how long the daemon can take to answer, default 5000 */
  void (*on_message)(chimed_client *client, const chimed_message *message, void *user);
  void (*on_event)(chimed_client *client, const chimed_event *event, void *user);
  void (*on_log)(chimed_level level, const char *line, void *user); /* must not call the client */
  void *user;                                                       /* passed to the callbacks */
} chimed_options;

/* ---- The client ---- */

/* Creates a client. It connects when chimed_process() is first called. Strings of options are copied. Returns NULL
   with errno EINVAL (name), ENOMEM, EMFILE or ENFILE. */
chimed_client *chimed_new(const chimed_options *options);

/* Closes the connection at once, without waiting for the daemon. Each request without an answer fails with the code
   "closed". There are no callbacks after that, and chimed_run() returns. */
void chimed_close(chimed_client *client);

/* Closes the client and releases it. NULL is ignored. */
void chimed_free(chimed_client *client);

/* ---- The event loop ---- */

/* A file descriptor that is readable whenever chimed_process() has work: messages, timeouts, retries. It stays the
   same until chimed_free(), also across reconnections. Watch it for reading (POLLIN) with poll, epoll, libuv
   (uv_poll_t), GLib (g_unix_fd_add) or sd-event (sd_event_add_io), level-triggered, and close it with chimed_free()
   only. */
int chimed_fd(const chimed_client *client);

/* Does what there is to do, without blocking: at most 1 MiB is read per call. Fails with ECANCELED once the client
   is closed, and with EDEADLK in a callback. */
int chimed_process(chimed_client *client);

/* Waits until there is work, at most timeout_ms (-1: without limit), and calls chimed_process(). Fails as that
   does, or with EINTR if a signal handler has run. */
int chimed_wait(chimed_client *client, int timeout_ms);

/* Calls chimed_wait() until the client is closed, then returns 0. Fails with EINTR if a signal handler has run. */
int chimed_run(chimed_client *client);

/* ---- Receiving ---- */

/* Subscribes to topics or patterns, separated by spaces: "host.> price". "*" stands for one word, a last ">" for
   one or more. Subscriptions are a set: each message is delivered once, however many patterns match it. */
int chimed_subscribe(chimed_client *client, const char *patterns);

/* Ends subscriptions. What matches none of the others is no longer delivered, even if it was already sent. */
int chimed_unsubscribe(chimed_client *client, const char *patterns);

/* Pauses the stream: while it is paused, no message is delivered, and the client reads nothing from the daemon,
   also no answers to requests. The daemon then skips messages (they count as missed), and disconnects a client that
   reads nothing for 30 s (clients.stallTimeout). A callback that is slow has the same effect. */
void chimed_pause(chimed_client *client, bool paused);

/* ---- Requests: the answer is an event with the id that these return, or CHIMED_FAILED ---- */

/* Publishes data, as JSON text, on a topic. Waits for a daemon if there is none, at most timeout_ms. A request
   whose connection is lost fails with "connection-lost" and is not sent again: the daemon may have carried it out.
   Returns 0 on error; EINVAL also means that data is not JSON. */
uint64_t chimed_publish(chimed_client *client, const char *topic, const char *data);

/* Asks for the last message of a topic, without subscribing to it. Returns 0 on error. */
uint64_t chimed_get(chimed_client *client, const char *topic);

/* ---- Providing: being the source of a topic that is configured with "provide: true" ---- */

/* Becomes the provider of a topic, again after each reconnection. CHIMED_WANTED says when the topic has
   subscribers; CHIMED_UNPROVIDED, that the daemon refused. */
int chimed_provide(chimed_client *client, const char *topic);

/* Sends a message, data as JSON text, of a provided topic. Fails with ENOENT (this client does not provide the
   topic), EMSGSIZE (the frame exceeds the daemon's limit) or EAGAIN (the daemon has not accepted this provider yet,
   or has not read more than 1 MiB that was sent before: CHIMED_ROOM follows). */
int chimed_send(chimed_client *client, const char *topic, const char *data);

/* Says that a provided topic fails, and why; NULL, or the next message, ends the failure. */
int chimed_fail(chimed_client *client, const char *topic, const char *error);

/* Gives up a topic. A topic that the client does not provide is ignored. */
int chimed_unprovide(chimed_client *client, const char *topic);

/* ---- JSON, for programs without a JSON library. No function allocates or recurses; text may nest 512 levels. The
   byte after a number must not belong to it: the text is terminated by NUL, or part of a larger JSON text. ---- */

/* The value in a text that is terminated by NUL, without white space around it; {NULL, 0} if it is not JSON. */
chimed_json chimed_json_parse(const char *text);

/* The value of a key of an object; {NULL, 0} if there is none, or json is not an object. */
chimed_json chimed_json_get(chimed_json json, const char *key);

/* The element of an array, from 0; {NULL, 0} if there is none. */
chimed_json chimed_json_at(chimed_json json, size_t index);

/* Steps through an array or object: *position is NULL at first. Returns 1 and sets *value, and *key for an object
   (a string, quoted); 0 at the end; -1 if json is neither. key can be NULL. */
int chimed_json_next(chimed_json json, const char **position, chimed_json *key, chimed_json *value);

/* Reads a number, in any locale. False if it is not a number. */
bool chimed_json_number(chimed_json json, double *number);

/* Reads a whole number exactly. False if it has a fraction or an exponent, does not fit, or is not a number. */
bool chimed_json_integer(chimed_json json, int64_t *number);

/* Decodes a string to UTF-8 in out, terminated by NUL, and cut off after a whole character if size is too small.
   U+0000 and lone surrogates become U+FFFD. Returns the length of the whole decoded string, without NUL, or -1 if
   it is not a string. */
ssize_t chimed_json_string(chimed_json json, char *out, size_t size);

/* Writes text as a JSON string with its quotes, terminated by NUL, cut off if size is too small. Bytes that are not
   UTF-8 become U+FFFD. Returns the length of the whole result, without NUL. */
size_t chimed_json_quote(const char *text, char *out, size_t size);

/* The version of the library, such as "0.1.0". */
const char *chimed_version(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
