#include <chimed.h>
#include <inttypes.h>
#include <stdio.h>

static void answered(chimed_client *client, const chimed_event *event, void *user) {
  if (event->type == CHIMED_PUBLISHED) printf("%s %" PRIu64 "\n", event->topic, event->seq);
  else if (event->type == CHIMED_FAILED) fprintf(stderr, "%s: %s\n", event->code, event->message);
  else return; /* The connection changes, for example. */
  *(bool *)user = event->type == CHIMED_PUBLISHED;
  chimed_close(client);
}

int main(void) {
  bool published = false;
  chimed_client *client = chimed_new(&(chimed_options){.on_event = answered, .user = &published});
  if (!client || chimed_publish(client, "price", "12.5") == 0 || chimed_run(client) != 0) perror("chimed");
  chimed_free(client);
  return published ? 0 : 1;
}
