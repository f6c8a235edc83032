/** Says something on stderr that is no result. */
export function note(text: string): void {
  process.stderr.write(`chimed: ${text}\n`);
}
