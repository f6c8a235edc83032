#include <chimed.h>
#include <stdio.h>

static void show(chimed_client *client, const chimed_message *m, void *user) {
  double load;
  char unit[16];
  if (!chimed_json_number(chimed_json_at(chimed_json_get(m->data, "load"), 0), &load)) return;
  if (chimed_json_string(chimed_json_get(m->data, "unit"), unit, sizeof unit) < 0) return;
  printf("%.2f %s\n", load, unit);
  fflush(stdout);
  (void)client, (void)user;
}

int main(void) {
  chimed_client *client = chimed_new(&(chimed_options){.on_message = show});
  if (!client || chimed_subscribe(client, "load") != 0 || chimed_run(client) != 0) perror("chimed");
  chimed_free(client);
}
