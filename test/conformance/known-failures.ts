import { readFileSync } from 'node:fs';

/** Names of the cases that are expected to fail: one per line of the file, but for blank lines and those that begin with #. */
export function knownFailures(file: string): Set<string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  return new Set(lines.filter((line) => line !== '' && !line.startsWith('#')));
}
