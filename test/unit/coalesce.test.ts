import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { coalesce } from '../../src/daemon/coalesce.ts';

/** Work that ends when it is told to. */
function controlled() {
  const runs: PromiseWithResolvers<number>[] = [];
  const call = coalesce(() => {
    const run = Promise.withResolvers<number>();
    runs.push(run);
    return run.promise;
  });
  return { runs, call };
}

test('calls while the work runs are answered by one more run', async () => {
  const { runs, call } = controlled();
  const first = call();
  await turn();
  const later = Array.from({ length: 100 }, call);
  await turn();
  expect(runs).toHaveLength(1);
  runs[0]!.resolve(1);
  expect(await first).toBe(1);
  await turn();
  expect(runs).toHaveLength(2);
  runs[1]!.resolve(2);
  expect(new Set(await Promise.all(later))).toEqual(new Set([2]));
  await turn();
  expect(runs).toHaveLength(2);
});

test('work that fails is an answer too, and does not keep the next from being done', async () => {
  const { runs, call } = controlled();
  const [first, second] = [call(), turn().then(call)];
  await turn();
  runs[0]!.reject(new Error('on purpose'));
  await expect(first).rejects.toThrow('on purpose');
  await turn();
  runs[1]!.resolve(2);
  expect(await second).toBe(2);
});
