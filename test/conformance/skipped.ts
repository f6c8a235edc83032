/**
 * Says loudly that a case is skipped, if it cannot be tried here.
 * @param why Why it cannot; undefined if it can.
 * @param skip Of the test, which it ends.
 */
export function skipIfImpossible(what: string, why: string | undefined, skip: (why: string) => never): void {
  if (why === undefined) return;
  console.warn(`SKIPPED, "${what}" is not tried: ${why}`);
  skip(why);
}
