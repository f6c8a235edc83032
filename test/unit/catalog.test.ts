import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Catalog } from '../../src/fleet/catalog.ts';
import { silent } from '../../src/log.ts';
import type { Client } from '../../src/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A daemon whose answers come when they are asked for. */
class SlowDaemon {
  readonly asked: PromiseWithResolvers<unknown>[] = [];

  status(): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>();
    this.asked.push(answer);
    return answer.promise;
  }

  /** Answers all that was asked, with these topics. */
  async answer(...topics: string[]): Promise<void> {
    for (const { resolve } of this.asked.splice(0))
      resolve({ instance: 'x', topicsRevision: topics.length, topics: topics.map((topic) => ({ topic })) });
    await vi.advanceTimersByTimeAsync(0);
  }
}

test('a refresh while the daemon is asked leaves one who asks, and what it says counts', async () => {
  const daemon = new SlowDaemon();
  const changes: (readonly string[])[] = [];
  const listener = { changed: (topics: readonly string[]) => void changes.push(topics), revised() {} };
  const patterns = ['old'];
  const catalog = new Catalog(daemon as unknown as Client, () => [...patterns], listener, silent);
  patterns[0] = 'new';
  catalog.refresh();
  catalog.refresh();
  while (daemon.asked.length > 0) await daemon.answer('new');
  expect(changes).toEqual([['new']]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(daemon.asked).toHaveLength(1);
  catalog.stop();
  await daemon.answer('new');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(daemon.asked).toHaveLength(0);
});
