#include <chimed.h>
#include <inttypes.h>
#include <stdio.h>

static void show(chimed_client *client, const chimed_message *m, void *user) {
  (void)client, (void)user;
  if (m->missed > 0) fprintf(stderr, "missed %" PRIu64 " messages of %s\n", m->missed, m->topic);
  printf("%s %" PRIu64 " %s\n", m->topic, m->seq, m->data.text);
  fflush(stdout);
}

int main(void) {
  chimed_client *client = chimed_new(&(chimed_options){.name = "dashboard", .on_message = show});
  if (!client || chimed_subscribe(client, "host.>") != 0 || chimed_run(client) != 0) perror("chimed");
  chimed_free(client);
}
