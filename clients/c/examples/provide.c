#include <chimed.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

static void changed(chimed_client *client, const chimed_event *event, void *user) {
  (void)client;
  if (event->type == CHIMED_WANTED) *(bool *)user = true;
  if (event->type == CHIMED_UNWANTED || event->type == CHIMED_UNPROVIDED) *(bool *)user = false;
  if (event->type == CHIMED_UNPROVIDED) fprintf(stderr, "%s: %s\n", event->topic, event->message);
}

int main(void) {
  bool wanted = false;
  chimed_client *client = chimed_new(&(chimed_options){.name = "clock", .on_event = changed, .user = &wanted});
  if (!client || chimed_provide(client, "clock") != 0) return 1;
  for (;;) {
    struct pollfd fds[] = {{.fd = chimed_fd(client), .events = POLLIN}}; /* and the program's own */
    if (poll(fds, 1, wanted ? 100 : -1) > 0) chimed_process(client);
    char data[32];
    snprintf(data, sizeof data, "%lld", (long long)time(NULL));
    if (wanted) chimed_send(client, "clock", data);
  }
}
