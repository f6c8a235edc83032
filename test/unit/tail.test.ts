import { expect, test } from 'vitest';

import { Tail } from '../../src/sources/processes/tail.ts';

test.each([
  ['of nothing is empty', [], ''],
  ['of little is all of it', ['ab', 'c'], 'abc'],
  ['of much is the end of it', ['ab', 'cd', 'ef'], 'cdef'],
  ['of a large piece is the end of that', ['ab', '0123456789'], '6789'],
  ['of a full one moves on by single bytes', ['abcd', 'e', 'f'], 'cdef'],
])('a tail of four bytes %s', (_, pieces, text) => {
  const tail = new Tail(4);
  for (const piece of pieces) tail.push(Buffer.from(piece));
  expect(String(tail)).toBe(text);
});
