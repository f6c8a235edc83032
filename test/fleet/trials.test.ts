import { expect, test } from 'vitest';

import { has } from '../helpers/programs-here.ts';
import { fleetTrials } from '../proof/fleet-trials.ts';
import { Scale } from '../proof/trial.ts';

// The short form of the proof's trials of several machines, in which no time is judged.
test.skipIf(!has('nats-server')).each(fleetTrials)('$name: $holds', async ({ run }) => {
  const { failures } = await run(new Scale(false));
  expect(failures).toEqual([]);
});
