import { expect, test } from 'vitest';

import { Scale } from '../proof/trial.ts';
import { trials } from '../proof/trials.ts';

// The short form of `npm run proof`: every fault, a little of it, and no time judged.
test.concurrent.each(trials)('$name: $holds', { timeout: 120_000 }, async ({ run }) => {
  const { seen, failures } = await run(new Scale(false));
  if (seen.startsWith('SKIPPED')) process.stderr.write(`${seen}\n`);
  expect(failures).toEqual([]);
});
