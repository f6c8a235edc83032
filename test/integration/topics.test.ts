import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { isAlive } from '../helpers/processes.ts';

const topic = async (daemon: TestDaemon) => (await daemon.status()).topics[0]!;

describe.concurrent('a topic sends what its source gives:', () => {
  test.each([
    ['a value', { data: { a: [1, null, 'é'] } }, { a: [1, null, 'é'] }],
    ['null', { data: null }, null],
    ['a command with JSON', { command: ['echo', '{"a": 1}'] }, { a: 1 }],
    ['a command with text', { command: 'echo one; echo two' }, 'one\ntwo'],
    ['the load', { host: 'load' }, [expect.any(Number), expect.any(Number), expect.any(Number)]],
    [
      'the memory',
      { host: 'memory' },
      expect.objectContaining({
        total: expect.any(Number),
        free: expect.any(Number),
        used: expect.any(Number),
      }),
    ],
  ])('%s', async (_, source, payload) => {
    await using daemon = await startDaemon({ topics: { t: { interval: '1s', ...source } } });
    using client = await daemon.raw();
    expect(await client.send('t').frame('t')).toEqual({
      type: 't',
      data: payload,
      seq: 1,
      time: expect.any(Number),
      offset: expect.any(Number),
    });
  });

  test('a module, which knows its topic', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('source.mjs'), 'export default async ({ topic }) => ({ topic })');
    await using daemon = await startDaemon(
      { topics: { t: { interval: '1s', module: 'source.mjs' } } },
      { folder },
    );
    using client = await daemon.raw();
    expect((await client.send('t').frame('t')).data).toEqual({ topic: 't' });
  });

  test('a file that goes and comes back, which is said once each', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('value.json'), '1');
    const topics = { t: { interval: '20ms', file: 'value.json', onChange: true } };
    await using daemon = await startDaemon({ topics }, { folder });
    using client = await daemon.raw();
    await client.send('t').frame('t');
    rmSync(folder.file('value.json'));
    expect(await daemon.logged('source is failing')).toMatchObject({
      topic: 't',
      error: expect.stringMatching(/value.json: No such file or directory$/),
    });
    expect((await topic(daemon)).lastError).toContain('No such file or directory');
    // At once: a file that is being written can be read while it is empty, which is another failure.
    writeFileSync(folder.file('new.json'), '2');
    renameSync(folder.file('new.json'), folder.file('value.json'));
    await client.frames.find(({ data }) => data === 2);
    const { failures } = await daemon.logged('source has recovered');
    expect(await topic(daemon)).toMatchObject({ failures, lastError: null });
    expect(daemon.log.items.filter(({ msg }) => msg === 'source is failing')).toHaveLength(1);
  });
});

describe.concurrent('a topic', () => {
  test('sleeps until somebody registers, and again when the last one leaves', async () => {
    await using daemon = await startDaemon({ topics: { t: { interval: '20ms', data: 1 } } });
    expect(await topic(daemon)).toMatchObject({ awake: false, seq: 0 });
    const client = await daemon.raw();
    await client.send('t').messages('t', 3);
    expect(await topic(daemon)).toMatchObject({ awake: true, clients: 1 });
    client.socket.end();
    await daemon.logged('topic has lost its last client');
    const asleep = await topic(daemon);
    expect(asleep.awake).toBe(false);
    using next = await daemon.raw();
    // A message that is still valid comes first. Had it ticked meanwhile, the new one would not have the next number.
    const { seq } = await next.send('t').frames.find((frame) => (frame.seq ?? 0) > asleep.seq);
    expect(seq).toBe(asleep.seq + 1);
  });

  test('that always ticks does so with nobody there', async () => {
    await using daemon = await startDaemon(
      { topics: { t: { interval: '20ms', data: 1, always: true } } },
      { level: 'debug' },
    );
    await daemon.log.find(({ msg, seq }) => msg === 'sent' && seq === 3);
    expect((await daemon.status()).topics[0]).toMatchObject({ clients: 0, awake: true });
  });

  test('gives its latest message to whoever joins, and the next to both', async () => {
    await using daemon = await startDaemon({ topics: { t: { interval: '300ms', data: 1 } } });
    using first = await daemon.raw();
    await first.send('t').messages('t', 2);
    using second = await daemon.raw();
    const [joined, next] = await second.send('t').messages('t', 2);
    expect(joined).toEqual(first.frames.items[1]);
    expect(next!.seq).toBe(3);
  });

  test('that sends on change still greets whoever joins', async () => {
    await using daemon = await startDaemon({
      topics: { t: { interval: '20ms', data: 1, onChange: true }, u: { interval: '20ms', data: 1 } },
    });
    const first = await daemon.raw();
    await first.send('t').send('u').messages('u', 5);
    expect(first.frames.items.filter(({ type }) => type === 't')).toHaveLength(1);
    first.socket.end();
    await daemon.logged('topic has lost its last client');
    using second = await daemon.raw();
    expect((await second.send('t').frame('t')).seq).toBe(1);
  });

  test('never runs its command twice at once, counts the ticks it skips, and ends a run that takes too long', async () => {
    const command = 'echo run >> runs; exec sleep 30';
    await using daemon = await startDaemon({
      topics: { t: { interval: '50ms', command, timeout: '250ms' } },
    });
    using client = await daemon.raw();
    client.send('t');
    const { error } = await daemon.logged('source is failing');
    expect(error).toBe('the command was ended: it took longer than 250 ms (timeout)');
    expect((await topic(daemon)).skippedTicks).toBeGreaterThanOrEqual(3);
  });

  test('leaves none of its command’s processes behind', async () => {
    const command = 'sleep 60 & echo $!';
    await using daemon = await startDaemon({ topics: { t: { interval: '1s', command } } });
    using client = await daemon.raw();
    const { data: pid } = await client.send('t').frame('t');
    expect(pid).toEqual(expect.any(Number));
    expect(isAlive(pid as number)).toBe(false);
  });
});

describe.concurrent('what clients publish', () => {
  const publish = (data: unknown, id: number) => ({ topic: 'price', data, id });

  test('is sent at once, and to whoever joins later', async () => {
    await using daemon = await startDaemon({ topics: { price: { publish: true } } });
    using publisher = await daemon.raw();
    using listener = await daemon.raw();
    await listener.send('chimed.register', { topics: ['price'] }).frame('chimed.registered');
    publisher.send('chimed.publish', publish(1, 7));
    expect((await publisher.frame('chimed.published')).data).toEqual({ id: 7, topic: 'price', seq: 1 });
    expect(await listener.frame('price')).toMatchObject({ data: 1, seq: 1 });
    using late = await daemon.raw();
    expect(await late.send('price').frame('price')).toMatchObject({ data: 1, seq: 1 });
  });

  test('is sent again at each tick, if there is an interval', async () => {
    await using daemon = await startDaemon({ topics: { price: { publish: true, interval: '30ms' } } });
    using client = await daemon.raw();
    client.send('price').send('chimed.publish', publish('x', 1));
    const messages = await client.messages('price', 4);
    expect(messages.map(({ seq, data }) => [seq, data])).toEqual([1, 2, 3, 4].map((seq) => [seq, 'x']));
  });

  test('is refused where it does not belong, or if it is too large, by the id of the request', async () => {
    const topics = { t: { interval: '1s', data: 1 }, price: { publish: true, maxBytes: '1KiB' } };
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.publish', { topic: 't', data: 1, id: 'a' });
    client.send('chimed.publish', { topic: 'nope', data: 1, id: 'b' });
    client.send('chimed.publish', publish('x'.repeat(1024), 3));
    const rejections = (await client.frames.take(3)).map(({ data }) => data);
    expect(rejections).toMatchObject([
      { code: 'not-publishable', id: 'a' },
      { code: 'unknown-topic', id: 'b' },
      { code: 'too-large', id: 3 },
    ]);
  });
});
