/* Writes results in the Test Anything Protocol. A failed check ends its test, but not those after it. */
#ifndef TAP_H
#define TAP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failures;
static jmp_buf tap_end;

static inline void tap_fail(const char *file, int line, const char *what) {
  printf("# %s:%d: %s\n", file, line, what);
  longjmp(tap_end, 1);
}

#define CHECK(condition) ((condition) ? (void)0 : tap_fail(__FILE__, __LINE__, #condition))

static inline void check_text(const char *file, int line, const char *is, const char *expected) {
  if (is && strcmp(is, expected) == 0) return;
  printf("# is:       %s\n# expected: %s\n", is ? is : "(null)", expected);
  tap_fail(file, line, "another text");
}

#define CHECK_TEXT(is, expected) check_text(__FILE__, __LINE__, is, expected)

static inline void test(const char *name, void (*run)(void)) {
  volatile bool failed = false;
  if (setjmp(tap_end) == 0) run();
  else failed = true;
  if (failed) tap_failures++;
  printf("%sok %d - %s\n", failed ? "not " : "", ++tap_count, name);
  fflush(stdout);
}

static inline int tap_done(void) {
  printf("1..%d\n", tap_count);
  return tap_failures > 0;
}

#endif
