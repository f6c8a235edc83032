import { expect, test } from 'vitest';

import { Lines } from '../../src/sources/processes/lines.ts';

/** Pushes chunks, and says which lines came of them. */
function linesOf(chunks: readonly string[], maxBytes = 10): string[] {
  const found: string[] = [];
  const lines = new Lines(maxBytes, (line, cut) => found.push(`${line}${cut ? ' (cut)' : ''}`));
  for (const chunk of chunks) lines.push(Buffer.from(chunk));
  lines.end();
  return found;
}

test.each([
  [['a\nb\n'], ['a', 'b']],
  [
    ['a', 'b', '\nc', '\n'],
    ['ab', 'c'],
  ],
  [
    ['\n', 'x\n\n'],
    ['', 'x', ''],
  ],
  [['no newline'], ['no newline']],
  [['0123456789\n'], ['0123456789']],
  [
    ['0123456789', 'x', 'y\nshort\n'],
    ['0123456789 (cut)', 'short'],
  ],
  [['0123456789x\nshort\n'], ['0123456789 (cut)', 'short']],
  [[...'byte by byte, which is long\nend'], ['byte by by (cut)', 'end']],
])('%j has the lines %j', (chunks, expected) => {
  expect(linesOf(chunks)).toEqual(expected);
});

test('a line that comes byte by byte takes no more memory than it has', () => {
  const lines = new Lines(2 ** 20, () => {});
  const byte = Buffer.from('x');
  const before = process.memoryUsage();
  for (let index = 0; index < 2 ** 20; index++) lines.push(byte);
  const after = process.memoryUsage();
  // A Buffer for each byte took more than 100 MB.
  expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(50e6);
});
