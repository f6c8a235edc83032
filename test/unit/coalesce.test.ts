import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { coalesce } from '../../src/cli/coalesce.ts';

test('calls while the work runs are answered by one more run', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const call = coalesce(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  for (let count = 0; count < 100; count++) call();
  expect(runs).toHaveLength(1);
  runs[0]!.resolve();
  await turn();
  expect(runs).toHaveLength(2);
  runs[1]!.resolve();
  await turn();
  expect(runs).toHaveLength(2);
  call();
  expect(runs).toHaveLength(3);
});
