import ms from 'ms';

/** How long ago something was, in a word. @param time In milliseconds since the epoch. */
export function ago(time: number): string {
  return `${ms(Math.max(Date.now() - time, 0))} ago`;
}
