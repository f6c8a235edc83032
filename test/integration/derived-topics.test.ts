import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import type { Message, Subscription } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { next } from '../helpers/next.ts';

/** The next message whose payload is as the test says. */
async function until(subscription: Subscription, isIt: (data: unknown) => boolean): Promise<Message> {
  for (;;) {
    const [message] = await next(subscription, 1);
    if (isIt(message!.data)) return message!;
  }
}

describe.concurrent('a derived topic', () => {
  test('has the topic that it is made of awake as long as somebody hears it', async () => {
    const topics = {
      high: { from: 'part', when: 'above 4' },
      part: { from: 'whole', pick: '/0' },
      whole: { publish: true },
    };
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const asleep = { high: false, part: false, whole: false };
    const awake = async () =>
      Object.fromEntries((await client.status()).topics.map((topic) => [topic.topic, topic.awake]));
    expect(await awake()).toEqual(asleep);
    const high = client.listen('high');
    await client.publish('whole', [1, 9]);
    expect((await next(high, 1))[0]).toMatchObject({
      topic: 'high',
      seq: 1,
      data: { active: false, value: 1 },
    });
    expect(await awake()).toEqual({ high: true, part: true, whole: true });
    await client.publish('whole', [3]);
    await client.publish('whole', [5]);
    expect((await next(high, 1))[0]).toMatchObject({ seq: 2, data: { active: true, value: 5 } });
    await high.return?.();
    await vi.waitFor(async () => expect(await awake()).toEqual(asleep));
  });

  test('begins with what the other topic has sent last', async () => {
    const topics = { whole: { publish: true }, part: { from: 'whole', pick: '/x' } };
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    await client.publish('whole', { x: 7 });
    expect((await next(client.listen('part'), 1))[0]!.data).toBe(7);
  });

  test('fails with the other one, and recovers with it, without a message', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('load'), '9');
    const topics = {
      load: { interval: '20ms', file: 'load', format: 'number' },
      high: { from: 'load', when: 'above 4' },
    };
    await using daemon = await startDaemon({ topics }, { folder });
    await using client = daemon.connect();
    const told: unknown[] = [];
    const failing = new Promise((resolve) =>
      client.on('failing', (notice) => resolve(told.push(notice.topic, notice.error))),
    );
    const recovered = new Promise((resolve) => client.on('recovered', ({ topic }) => resolve(topic)));
    const high = client.listen('high');
    await next(high, 1);
    writeFileSync(folder.file('load'), 'nothing');
    await failing;
    expect(told).toEqual(['high', `load is failing: ${folder.file('load')}: it is not a number: "nothing"`]);
    writeFileSync(folder.file('load'), '8');
    expect(await recovered).toBe('high');
    const goodAt = async () =>
      (await client.status()).topics.find(({ topic }) => topic === 'high')!.lastGood!;
    writeFileSync(folder.file('load'), '3');
    expect((await next(high, 1))[0]).toMatchObject({ seq: 2, data: { active: false, value: 3 } });
    expect(Math.abs((await goodAt()) - Date.now())).toBeLessThan(60_000);
  });

  test('follows another topic after a reload, and no more the former one', async () => {
    const sources = { one: { publish: true }, two: { publish: true } };
    await using daemon = await startDaemon({ topics: { ...sources, d: { from: 'one' } } });
    await using client = daemon.connect();
    const heard = client.listen('d');
    await client.publish('one', 'from one');
    expect((await next(heard, 1))[0]!.data).toBe('from one');
    await daemon.reload({ topics: { ...sources, d: { from: 'two' } } });
    await client.publish('one', 'not heard');
    await client.publish('two', 'from two');
    expect((await until(heard, (data) => data !== 'from one')).data).toBe('from two');
    // Both at once: the one that it was made of, and the topic itself as it was.
    await daemon.reload({ topics: { three: { publish: true }, d: { from: 'three' } } });
    await client.publish('three', 'from three');
    expect((await until(heard, (data) => data !== 'from two')).data).toBe('from three');
  });

  test('sends each message once, however often it sleeps, and after a restart', async () => {
    using folder = temporaryFolder();
    const config = {
      state: { file: folder.file('state.json') },
      topics: { deploy: { publish: true }, version: { from: 'deploy', pick: '/v' } },
    };
    for (const round of [1, 2]) {
      await using daemon = await startDaemon(config, { folder });
      await using client = daemon.connect();
      if (round === 1) await client.publish('deploy', { v: '1.0' });
      for (let visit = 0; visit < 2; visit++) {
        const version = client.listen('version');
        expect((await next(version, 1))[0]).toMatchObject({ seq: 1, data: '1.0' });
        await version.return?.();
      }
      await client.publish('deploy', { v: '1.0' }); // Nobody hears it.
      expect((await client.status()).topics.find(({ topic }) => topic === 'version')!.seq).toBe(1);
      await daemon.program.kill().ended;
    }
  });

  test('sends no message that onChange of the other one keeps', async () => {
    const topics = {
      s: { interval: '20ms', data: 1, onChange: true },
      d: { from: 's' },
      end: { publish: true },
    };
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    await next(client.listen('d'), 1);
    const ticks = async () =>
      (await client.status({ topics: ['s'] })).topics[0]!.lateness!.counts.reduce((a, b) => a + b);
    await vi.waitFor(async () => expect(await ticks()).toBeGreaterThan(5));
    expect((await client.status({ topics: ['d'] })).topics[0]!.seq).toBe(1);
  });

  test('that a reload changes does not end the stream that it is made of', async () => {
    using folder = temporaryFolder();
    const stream =
      'echo start >> starts; i=0; while :; do i=$((i+1)); echo "{\\"n\\":$i,\\"m\\":-$i}"; sleep 0.02; done';
    const topics = (pick: string): object => ({ s: { stream }, d: { from: 's', pick } });
    await using daemon = await startDaemon({ topics: topics('/n') }, { folder });
    await using client = daemon.connect();
    const heard = client.listen<number>('d');
    await next(heard, 3);
    await daemon.reload({ topics: topics('/m') });
    await until(heard, (data) => (data as number) < 0);
    expect(readFileSync(folder.file('starts'), 'utf8')).toBe('start\n');
  });

  test('of a derived topic recovers with all of them', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('load'), 'nothing');
    const topics = {
      load: { interval: '20ms', file: 'load', format: 'number' },
      high: { from: 'load', when: 'above 4' },
      higher: { from: 'high', pick: '/value' },
    };
    await using daemon = await startDaemon({ topics }, { folder });
    await using client = daemon.connect();
    const higher = client.listen('higher');
    const failures = async () => (await client.status()).topics.map(({ lastError }) => lastError);
    await vi.waitFor(async () => expect((await failures()).every((error) => error !== null)).toBe(true));
    writeFileSync(folder.file('load'), '9');
    expect((await next(higher, 1))[0]!.data).toBe(9);
    writeFileSync(folder.file('load'), 'nothing');
    await vi.waitFor(async () => expect((await failures()).every((error) => error !== null)).toBe(true));
    writeFileSync(folder.file('load'), '9'); // The same state: neither has anything to send.
    await vi.waitFor(async () => expect(await failures()).toEqual([null, null, null]));
  });
});
