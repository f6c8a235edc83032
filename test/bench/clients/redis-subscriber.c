/* Counts the messages of a channel: redis-subscriber SOCKET [SECONDS to sleep for each] */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  double pause_s = argc > 2 ? atof(argv[2]) : 0;
  redisContext *context = redisConnectUnix(argv[1]);
  unsigned long count = 0;
  if (!context || context->err) return 1;
  freeReplyObject(redisCommand(context, "SUBSCRIBE bench"));
  for (;;) {
    void *answer;
    if (redisGetReply(context, &answer) != REDIS_OK) return 1;
    redisReply *reply = answer;
    count++;
    if (strcmp(reply->element[2]->str, "\"end\"") == 0) {
      printf("%lu 0\n", count);
      fflush(stdout);
    } else if (pause_s > 0) usleep((useconds_t)(pause_s * 1e6));
    freeReplyObject(reply);
  }
}
