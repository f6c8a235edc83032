/* Counts the messages of a topic: chimed-subscriber SOCKET [SECONDS to sleep for each] */
#include <chimed.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double pause_s;
static uint64_t count, missed;

static void counted(chimed_client *client, const chimed_message *message, void *user) {
  (void)client, (void)user;
  count++;
  missed += message->missed;
  if (strcmp(message->data.text, "\"end\"") == 0) {
    printf("%" PRIu64 " %" PRIu64 "\n", count, missed);
    fflush(stdout);
  } else if (pause_s > 0) usleep((useconds_t)(pause_s * 1e6));
}

int main(int argc, char **argv) {
  if (argc > 2) pause_s = atof(argv[2]);
  chimed_client *client = chimed_new(&(chimed_options){.socket = argv[1], .on_message = counted});
  if (!client || chimed_subscribe(client, "bench") != 0) return 1;
  return chimed_run(client);
}
