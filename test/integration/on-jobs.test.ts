import { expect, test } from 'vitest';

import { Jobs } from '../../src/cli/on/jobs.ts';
import type { Message } from '../../src/client/api.ts';

const MIB = 1024 ** 2;

function message(topic: string, data: unknown = 1): Message {
  return { topic, seq: 1, time: 0, data, missed: 0, instance: 'i' };
}

/** Jobs of which the first runs until it is ended. */
async function busy(act: (jobs: Jobs) => void): Promise<void> {
  const jobs = new Jobs({ argv: ['sleep', '1000'], atATime: 1, onFailure: () => {}, onLast: () => {} });
  jobs.offer(message('first'));
  act(jobs);
  jobs.kill();
  await jobs.finish();
}

test('at most 1,000 topics wait for the command', async () => {
  await busy((jobs) => {
    for (let topic = 0; topic < 1000; topic++) jobs.offer(message(`t${topic}`));
    expect(jobs.skipped).toBe(0);
    for (let topic = 0; topic < 5; topic++) jobs.offer(message(`more${topic}`));
    expect(jobs.skipped).toBe(5);
  });
});

test('at most 64 MiB wait for the command, and one message of any size', async () => {
  await busy((jobs) => {
    const payload = 'x'.repeat(20 * MIB);
    for (const topic of ['a', 'b', 'c', 'c']) jobs.offer(message(topic, payload));
    expect(jobs.skipped).toBe(1); // Only the older one of c.
    jobs.offer(message('d', payload));
    expect(jobs.skipped).toBe(2);
    jobs.offer(message('e', 'x'.repeat(70 * MIB)));
    expect(jobs.skipped).toBe(5);
  });
});
