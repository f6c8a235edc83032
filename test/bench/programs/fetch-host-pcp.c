/*
 * Fetches metrics of PCP once a second, all in one request, and prints a line for each fetch: the number of metrics that
 * had values.
 * Usage: fetch-host-pcp HOST METRIC...
 */
#include <pcp/pmapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void check(int status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "%s: %s\n", what, pmErrStr(status));
  exit(1);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count < 3) return 2;
  int metrics = count - 2;
  pmID *ids = calloc((size_t)metrics, sizeof *ids);
  check(pmNewContext(PM_CONTEXT_HOST, arguments[1]), arguments[1]);
  check(pmLookupName(metrics, (const char **)arguments + 2, ids), "pmLookupName");
  struct timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (;; due.tv_sec++) {
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    pmResult *result;
    check(pmFetch(metrics, ids, &result), "pmFetch");
    int known = 0;
    for (int index = 0; index < metrics; index++) known += result->vset[index]->numval > 0;
    printf("%d\n", known);
    pmFreeResult(result);
  }
}
