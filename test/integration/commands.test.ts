import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';

describe.concurrent('a command', () => {
  test('that takes longer than its interval runs once at a time, and the ticks it overran are counted', async () => {
    const command = 'echo begin >> runs; sleep 0.1; echo end >> runs; echo 1';
    await using daemon = await startDaemon({ topics: { t: { interval: '20ms', command } } });
    using client = await daemon.raw();
    await client.send('t').messages('t', 4);
    const runs = readFileSync(daemon.folder.file('runs'), 'utf8').trimEnd().split('\n');
    expect(runs.length).toBeGreaterThanOrEqual(8);
    expect(runs).toEqual(runs.map((_, index) => (index % 2 === 0 ? 'begin' : 'end')));
    const topic = (await daemon.status()).topics[0]!;
    // Each run of 100 ms overruns four ticks or more.
    expect(topic.skippedTicks).toBeGreaterThanOrEqual(3 * 4);
    expect(topic.failures).toBe(0);
  });

  test('goes on when nobody listens any more, for whoever comes next, and is run once', async () => {
    using folder = temporaryFolder();
    const command = 'echo run >> runs; until [ -e go ]; do sleep 0.02; done; echo done';
    await using daemon = await startDaemon({ topics: { t: { interval: '1h', command } } }, { folder });
    {
      using client = await daemon.raw();
      client.send('t');
      await vi.waitUntil(() => existsSync(folder.file('runs')), { timeout: 10_000 });
    }
    while ((await daemon.status()).topics[0]!.awake);
    using next = await daemon.raw();
    next.send('t');
    writeFileSync(folder.file('go'), '');
    expect((await next.frame('t')).data).toBe('done');
    expect(readFileSync(folder.file('runs'), 'utf8')).toBe('run\n');
  });

  test('that prints without end is ended, and what it printed is not sent', async () => {
    await using daemon = await startDaemon({
      topics: { t: { interval: '1h', command: ['yes'], maxBytes: '64KiB' } },
    });
    using client = await daemon.raw();
    client.send('t');
    expect(await daemon.logged('source is failing')).toMatchObject({
      topic: 't',
      error: 'the command was ended: it printed more than 65536 bytes (maxBytes)',
    });
    expect((await daemon.status()).topics[0]).toMatchObject({ seq: 0, failures: 1 });
  });

  test.each([
    ['fails', ['sh', '-c', 'echo no such thing >&2; exit 3'], 'the command exited with 3: no such thing'],
    [
      'is not there',
      ['/nowhere/at-all'],
      "the command cannot be run: there is no file /nowhere/at-all, or the daemon's user is not permitted to see it",
    ],
  ])('that %s is logged once however often, and each time counted', async (_, command, error) => {
    const topics = { t: { interval: '20ms', command }, tick: { interval: '20ms', data: 1 } };
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('t').send('tick');
    expect(await daemon.logged('source is failing')).toHaveProperty('error', error);
    const failing = async () => (await daemon.status()).topics[0]!;
    while ((await failing()).failures < 3) await client.messages('tick', 1);
    expect(await failing()).toMatchObject({ seq: 0, lastError: error });
    expect(daemon.log.items.filter(({ msg }) => msg === 'source is failing')).toHaveLength(1);
  });
});
