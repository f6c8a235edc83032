/*
 * A PCP agent with one metric, whose value a command prints. pmcd asks for it once for each fetch of each client; so
 * agents whose values are expensive keep them for a while.
 * Usage: pcp-agent DOMAIN KEEP_MS COMMAND, started by pmcd
 */
#include <pcp/pmapi.h>
#include <pcp/pmda.h>

static pmdaMetric metrics[] = {
    {NULL, {PMDA_PMID(0, 0), PM_TYPE_U64, PM_INDOM_NULL, PM_SEM_INSTANT, PMDA_PMUNITS(0, 0, 0, 0, 0, 0)}},
};

static long keep_ms;
static const char *command;
static long long value;
static long taken_ms;

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0 if the command prints no number. */
static int sample(void) {
  FILE *output = popen(command, "r");
  if (!output) return 0;
  int read = fscanf(output, "%lld", &value);
  pclose(output);
  taken_ms = now_ms();
  return read == 1;
}

static int fetch(pmdaMetric *metric, unsigned int instance, pmAtomValue *atom) {
  (void)metric, (void)instance;
  if ((taken_ms == 0 || now_ms() - taken_ms >= keep_ms) && !sample()) return PM_ERR_VALUE;
  atom->ull = (unsigned long long)value;
  return PMDA_FETCH_STATIC;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  keep_ms = atol(argv[2]);
  command = argv[3];
  pmdaInterface dispatch;
  pmSetProgname(argv[0]);
  pmdaDaemon(&dispatch, PMDA_INTERFACE_2, "bench", atoi(argv[1]), NULL, NULL);
  pmdaSetFetchCallBack(&dispatch, fetch);
  pmdaInit(&dispatch, NULL, 0, metrics, sizeof metrics / sizeof metrics[0]);
  pmdaConnect(&dispatch);
  pmdaMain(&dispatch);
  return 0;
}
