import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:net';
import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Client, Message, State } from '../../src/index.ts';
import { silent } from '../../src/log.ts';
import { TestDaemon, startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Program, root } from '../helpers/program.ts';

const topics = {
  tick: { interval: '20ms', data: 'tock' },
  slow: { interval: '1h', data: 'rare' },
  price: { publish: true },
};
const quick = { minMs: 1, maxMs: 20 };

/** Waits for a state. */
async function reach<S extends State['status']>(client: Client, status: S): Promise<State & { status: S }> {
  for (;;) {
    if (client.state.status === status) return client.state as State & { status: S };
    await once(client, 'state');
  }
}

describe.concurrent('while there is no daemon, a client', () => {
  test('names the reason and goes on trying: no socket, nobody listening, then a daemon', async () => {
    using folder = temporaryFolder();
    await using client = connect({ socket: folder.file('s'), retry: quick });
    const listening = client.listen('tick').next();
    expect((await reach(client, 'waiting')).error).toMatchObject({
      code: 'no-daemon',
      message: expect.stringContaining('there is no socket'),
    });

    const dead = new TestDaemon({ topics }, { folder });
    await dead.logged('listening');
    await dead.program.kill('SIGKILL').ended;
    const refused = Promise.withResolvers<void>();
    client.on('state', (state) => {
      if (state.status === 'waiting' && state.error.message.includes('no process listens')) refused.resolve();
    });
    await refused.promise;

    await using _daemon = await startDaemon({ topics }, { folder });
    expect((await listening).value).toMatchObject({ topic: 'tick', data: 'tock' });
  });

  test('with retry: false gives up, and says so everywhere', async () => {
    using folder = temporaryFolder();
    await using client = connect({ socket: folder.file('s'), retry: false });
    const loop = client.listen('tick').next();
    const answer = client.publish('price', 1);
    await expect(loop).rejects.toMatchObject({ code: 'no-daemon' });
    await expect(answer).rejects.toMatchObject({ code: 'no-daemon' });
    expect(await client.closed).toMatchObject({ code: 'no-daemon' });
  });

  test('lets a request wait for so long and no longer', async () => {
    using folder = temporaryFolder();
    await using client = connect({ socket: folder.file('s'), timeoutMs: 100, retry: quick });
    await expect(client.publish('price', 1)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('there is no socket'),
    });
  });

  test('does not wait for ever for one that accepts and says nothing', async () => {
    using folder = temporaryFolder();
    const mute = createServer().listen(folder.file('s'));
    await once(mute, 'listening');
    const client = connect({ socket: folder.file('s'), timeoutMs: 50, retry: quick });
    expect((await reach(client, 'waiting')).error.code).toBe('timeout');
    await client.close();
    mute.close();
  });

  test('says that it may not open the socket', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('SKIPPED: only root can become somebody else');
    using folder = temporaryFolder();
    chmodSync(folder.path, 0o755);
    await using _daemon = await startDaemon({ topics }, { folder });
    const script = `const { connect } = await import(${JSON.stringify(`${root}/src/index.ts`)});
      process.setuid(65534);
      const client = connect({ socket: ${JSON.stringify(folder.file('s'))}, retry: false });
      console.log((await client.closed).code);`;
    await using program = new Program(['--input-type=module', '--eval', script]);
    expect(await program.stdout.find(() => true)).toBe('not-permitted');
  });
});

describe.concurrent('a loop over messages', () => {
  test('hears several patterns, each message once', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const seqs: number[] = [];
    for await (const { topic, seq } of client.listen(['tick', '>', '*'])) {
      if (topic === 'tick') seqs.push(seq);
      if (seqs.length === 5) break;
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  test('unregisters when it is left', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    for await (const _ of client.listen('tick')) break;
    await daemon.logged('topic has lost its last client');
  });

  test('begins with the latest message, also if another loop has heard it already', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const first = (await client.listen('slow').next()).value;
    expect((await client.listen('slow').next()).value).toEqual(first);
  });

  test('that is slow keeps the newest messages and knows how many it lost', async () => {
    await using daemon = await startDaemon({ topics: { price: { publish: true } } });
    await using client = daemon.connect();
    const slow = client.listen('price', { buffer: 3 });
    const quickly = client.listen('price');
    for (let value = 1; value <= 20; value++) await client.publish('price', value);
    for await (const { seq } of quickly) if (seq === 20) break;
    const messages: Message[] = [];
    for await (const message of slow) if (messages.push(message) === 3) break;
    expect(messages.map(({ seq, missed }) => [seq, missed])).toEqual([
      [18, 17],
      [19, 0],
      [20, 0],
    ]);
  });

  test('throws if there is no such topic, while the others go on', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const good = client.listen('tick');
    await expect(client.listen('nope').next()).rejects.toMatchObject({ code: 'unknown-topic' });
    expect((await good.next()).value).toHaveProperty('topic', 'tick');
    expect(() => client.listen('No Topic')).toThrow(/neither a topic nor a pattern/);
  });

  test('ends when the client is closed, or its signal aborts', async () => {
    await using daemon = await startDaemon({ topics });
    const abort = new AbortController();
    const client = daemon.connect({ signal: abort.signal });
    const subscription = client.listen('slow');
    await subscription.next();
    const waiting = subscription.next();
    abort.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await client.closed).toBeUndefined();
    expect((await client.listen('tick').next()).done).toBe(true);
  });
});

test.each([
  ['name', { name: 'x'.repeat(101) }],
  ['name', { name: 'a\u001b[2J' }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['timeoutMs', { timeoutMs: Infinity }],
  ['timeoutMs', { timeoutMs: '5s' as unknown as number }],
  ['retry.minMs', { retry: { minMs: -1 } }],
  ['retry', { retry: true as unknown as false }],
  ['socket', { socket: '' }],
])('connect refuses %s that is none', (option, options) => {
  expect(() => connect(options)).toThrow(
    expect.objectContaining({
      code: 'bad-request',
      message: expect.stringContaining(`the option ${option} must be `),
    }),
  );
});

test('listen refuses a buffer that is none', async () => {
  using folder = temporaryFolder();
  await using client = connect({ socket: folder.file('s'), logger: silent });
  for (const options of [{ buffer: 0 }, { buffer: 1.5 }, { bufferBytes: -1 }])
    expect(() => client.listen('t', options)).toThrow(expect.objectContaining({ code: 'bad-request' }));
});

describe.concurrent('a signal', () => {
  test('is let go of when the loop ends in another way', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const { signal } = new AbortController();
    await client
      .listen('nope', { signal })
      .next()
      .catch(() => {});
    const closing = daemon.connect();
    const loop = closing.listen('slow', { signal });
    await loop.next();
    await closing.close();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('ends one loop, and leaves the client to the others', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const abort = new AbortController();
    const loop = client.listen('slow', { signal: abort.signal });
    await loop.next();
    const waiting = loop.next();
    abort.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await client.publish('price', 1);
    expect(client.topics).toEqual([]);
    expect(await client.listen('slow', { signal: abort.signal }).next()).toMatchObject({ done: true });
  });

  test('has a publication given up that waits for a daemon, and nobody else’s', async () => {
    using folder = temporaryFolder();
    await using client = connect({
      socket: folder.file('s'),
      logger: silent,
      retry: quick,
      timeoutMs: 60_000,
    });
    const abort = new AbortController();
    const [given, kept] = [client.publish('price', 1, { signal: abort.signal }), client.publish('price', 2)];
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(given).rejects.toBe(reason);
    await using daemon = await startDaemon({ topics }, { folder });
    expect(await kept).toEqual({ topic: 'price', seq: 1 });
    await expect(client.publish('price', 3, { signal: abort.signal })).rejects.toBe(reason);
    expect((await daemon.status()).topics.find(({ topic }) => topic === 'price')).toMatchObject({ seq: 1 });
  });
});

test('a program that waits for a daemon is told so once', async () => {
  using folder = temporaryFolder();
  const script = folder.file('script.ts');
  writeFileSync(
    script,
    `import { connect } from ${JSON.stringify(`${root}/src/index.ts`)};
    const client = connect({ socket: ${JSON.stringify(folder.file('s'))}, retry: { minMs: 1, maxMs: 5 } });
    client.on('state', ({ attempt }) => { if (attempt === 10) client.close(); });`,
  );
  await using program = new Program([script]);
  expect(await program.ended).toBe(0);
  const warnings = program.stderr.items.filter((line) => line.includes('CHIMED_WAITING'));
  expect(warnings).toEqual([
    expect.stringMatching(/\[CHIMED_WAITING\] ChimedWarning: no daemon: there is no socket at .*; retrying$/),
  ]);
});

describe.concurrent('a request', () => {
  test('is answered with the number of the message', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    expect(await client.publish('price', { eur: 1 })).toEqual({ topic: 'price', seq: 1 });
    const answers = await Promise.all([client.status(), client.publish('price', 2), client.status()]);
    expect(answers[1]).toEqual({ topic: 'price', seq: 2 });
    expect(answers[0].topics.map(({ topic }) => topic)).toEqual(['tick', 'slow', 'price']);
  });

  test('is refused with a code', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    await expect(client.publish('nope', 1)).rejects.toMatchObject({ code: 'unknown-topic' });
    await expect(client.publish('tick', 1)).rejects.toMatchObject({ code: 'not-publishable' });
    for (const data of [undefined, 1n])
      await expect(client.publish('price', data)).rejects.toMatchObject({ code: 'bad-request' });
    expect(() => client.listen([])).toThrow(expect.objectContaining({ code: 'bad-request' }));
    await expect(client.publish('No!', 1)).rejects.toMatchObject({ code: 'bad-request' });
  });

  test('of which nobody knows whether it arrived is not sent again', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect({ retry: quick });
    await reach(client, 'ready');
    await daemon.program.freeze();
    const answer = client.publish('price', 1);
    daemon.program.kill('SIGKILL');
    await expect(answer).rejects.toMatchObject({ code: 'connection-lost' });
  });

  test('that waits when the client is closed is rejected', async () => {
    using folder = temporaryFolder();
    const client = connect({ socket: folder.file('s') });
    const answer = client.publish('price', 1);
    await client.close();
    await expect(answer).rejects.toMatchObject({ code: 'closed' });
  });
});

describe.concurrent('a script ends by itself', () => {
  test.each([
    [
      'once it has closed its client',
      '',
      'for await (const _ of client.listen("tick")) break; await client.close();',
    ],
    ['once its client has given up', '.none', 'await client.closed;'],
  ])('%s', async (_, suffix, body) => {
    await using daemon = await startDaemon({ topics });
    const script = daemon.folder.file('script.ts');
    const options = JSON.stringify({ socket: daemon.socket + suffix, retry: suffix === '' ? {} : false });
    writeFileSync(
      script,
      `import { connect } from ${JSON.stringify(`${root}/src/index.ts`)}; const client = connect(${options}); ${body}`,
    );
    await using program = new Program([script]);
    expect(await program.ended).toBe(0);
  });
});
