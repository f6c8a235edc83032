import { expect, test } from 'vitest';

import { forEachConcurrently } from '../../src/concurrency.ts';

test('all items are taken in order, and no more at a time than the limit', async () => {
  const taken: number[] = [];
  let running = 0;
  let most = 0;
  await forEachConcurrently([1, 2, 3, 4, 5], 2, async (item) => {
    taken.push(item);
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
  });
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect([most, running]).toEqual([2, 0]);
});

test('a limit above the number of items is no mistake', async () => {
  const taken: string[] = [];
  await forEachConcurrently(new Set(['a']), 4, async (item) => void taken.push(item));
  expect(taken).toEqual(['a']);
});

test('a failed call is the failure of all', async () => {
  const all = forEachConcurrently([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error('two');
  });
  await expect(all).rejects.toThrow('two');
});
