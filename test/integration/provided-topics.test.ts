import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Client, Failing, ProvideHandler, Provided, Recovered } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Inbox } from '../helpers/inbox.ts';
import { next, numbers } from '../helpers/next.ts';
import { Relay } from '../helpers/relay.ts';

const config = { topics: { t: { provide: true }, 'remote.>': { provide: true } } };
const retry = { minMs: 1, maxMs: 20 };
const idle: ProvideHandler = { wanted() {}, unwanted() {} };

/** Waits for something that has no event. */
const until = (reached: () => boolean): Promise<unknown> =>
  vi.waitUntil(reached, { timeout: 50_000, interval: 5 });

/** What a client is told of the sources of its topics. */
function sources(client: Client) {
  const told = new Inbox<string>();
  client.on('failing', ({ topic, error }: Failing) => told.push(`${topic} failing: ${error}`));
  client.on('recovered', ({ topic }: Recovered) => told.push(`${topic} recovered`));
  return told;
}

describe.concurrent('a generator that provides a topic', () => {
  test('begins with the first listener, and ends with the last one', async () => {
    await using daemon = await startDaemon(config);
    await using provider = daemon.connect();
    await using listener = daemon.connect();
    const told = new Inbox<string>();
    const provided = provider.provide('t', async function* ({ topic, signal }) {
      told.push(`begins ${topic}`);
      try {
        for (let value = 0; ; value++) {
          yield value;
          await wait(5, undefined, { signal });
        }
      } finally {
        told.push('ends');
      }
    });
    for (let round = 0; round < 2; round++) {
      const heard = listener.listen<number>('t');
      const [, second] = await next(heard, 2);
      expect(second).toMatchObject({ topic: 't', missed: 0 });
      expect(provided.wanted).toBe(true);
      await heard.return();
      await told.take(2 * (round + 1));
      expect(provided.wanted).toBe(false);
    }
    expect(told.items).toEqual(['begins t', 'ends', 'begins t', 'ends']);
    await provided.end();
    expect(await provided.ended).toBeUndefined();
    expect((await provider.status()).topics.find(({ topic }) => topic === 't')?.provider).toBeNull();
  });

  test('goes on after a reconnection; meanwhile the topic fails', async () => {
    await using daemon = await startDaemon(config);
    await using relay = await Relay.start(daemon.socket);
    await using provider = connect({ socket: relay.socket, retry });
    await using listener = daemon.connect();
    let runs = 0;
    provider.provide('t', async function* ({ signal }) {
      yield ++runs;
      await wait(1e6, undefined, { signal });
    });
    const told = sources(listener);
    const heard = listener.listen('t');
    expect((await next(heard, 1))[0]!.data).toBe(1);
    relay.cut();
    await told.find((line) => /^t failing: .*provider is gone/.test(line));
    relay.mend();
    expect((await next(heard, 1))[0]).toMatchObject({ data: 2, missed: 0, seq: 2 });
    await told.find((line) => line === 't recovered');
  });

  test('makes its topic fail when it throws, and heals it with the next message', async () => {
    await using daemon = await startDaemon(config);
    await using provider = daemon.connect();
    await using listener = daemon.connect();
    let runs = 0;
    provider.provide('t', async function* ({ signal }) {
      if (++runs === 1) throw new Error('no such sensor');
      yield runs;
      await wait(1e6, undefined, { signal });
    });
    const told = sources(listener);
    expect((await next(listener.listen('t'), 1))[0]!.data).toBe(2);
    const from = told.items.indexOf('t failing: no such sensor');
    expect(from).toBeGreaterThanOrEqual(0);
    await told.find((line) => line === 't recovered', from);
  });
});

describe.concurrent('a provider', () => {
  test('is the only one of its topic, and another one can follow it', async () => {
    await using daemon = await startDaemon(config);
    await using one = daemon.connect({ name: 'one' });
    await using other = daemon.connect();
    const first = one.provide('remote.a', idle);
    await one.status(); // It has been asked for by then.
    expect(await other.provide('remote.a', idle).ended).toMatchObject({
      code: 'already-provided',
      message: expect.stringContaining('one'),
    });
    await first.end();
    const second = other.provide('remote.a', idle);
    await using listener = daemon.connect();
    void listener.listen('remote.a').next();
    await until(() => second.wanted);
  });

  test('of a topic that nobody may provide is refused, and its other topics are not', async () => {
    await using daemon = await startDaemon({
      topics: { ...config.topics, tick: { interval: '1h', data: 1 } },
    });
    await using provider = daemon.connect();
    const names = ['nope', 'tick', 't'];
    const [unknown, otherSource, good] = names.map((name) => provider.provide(name, idle));
    expect(await unknown!.ended).toMatchObject({ code: 'unknown-topic' });
    expect(await otherSource!.ended).toMatchObject({ code: 'not-providable' });
    void provider.listen('t').next();
    await until(() => good!.wanted);
  });

  test('is told of a message that the daemon refuses, while its own subscription to the topic goes on', async () => {
    await using daemon = await startDaemon({ topics: { t: { provide: true, maxBytes: '100B' } } });
    await using client = daemon.connect();
    const provided = client.provide('t', idle);
    const heard = client.listen('t');
    const first = next(heard, 1);
    await until(() => provided.wanted);
    const refused = once(client, 'refused');
    expect(provided.send('x'.repeat(200))).toBe(true);
    expect(await refused).toMatchObject([{ topic: 't', code: 'too-large' }]);
    expect(provided.send('small')).toBe(true);
    expect((await first)[0]!.data).toBe('small');
  });

  test('stops to send while the daemon does not read, and is told when it can go on', async () => {
    await using daemon = await startDaemon(config);
    await using provider = daemon.connect({ timeoutMs: 60_000 });
    await using listener = daemon.connect();
    const heard = listener.listen('>');
    let yielded = 0;
    provider.provide('remote.generated', async function* ({ signal }) {
      while (!signal.aborted) yield 'x'.repeat(10_000 + (yielded++ % 2));
    });
    const provided = provider.provide('t', idle);
    await until(() => provided.wanted);
    await next(heard, 1);
    await daemon.program.freeze();
    let sent = 0;
    await until(() => {
      while (provided.send('y'.repeat(1000))) sent++;
      return true;
    });
    expect(sent).toBeLessThan(5000);
    const before = yielded;
    for (let times = 0; times < 1000; times++) {
      provided.send('y');
      provided.fail(`reason ${times}`);
      provider.provide(`remote.n${times}`, idle);
      await new Promise(setImmediate);
    }
    expect(yielded - before, 'one value waits in the generator').toBeLessThanOrEqual(1);
    const room = once(provider, 'room');
    daemon.program.kill('SIGCONT');
    await room;
    await until(() => yielded > before && provided.send('after'));
    for await (const { topic, data } of heard) if (topic === 't' && data === 'after') break;
  });

  test('provides 20,000 topics, all at once, and again after a reconnection', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `remote.web${index % 20}.n${index}`);
    const many = { provide: true, maxTopics: 20_000, totalBytes: '64MiB' };
    await using daemon = await startDaemon({ topics: { 'remote.>': many } });
    await using relay = await Relay.start(daemon.socket);
    await using provider = connect({ socket: relay.socket, retry, timeoutMs: 60_000 });
    await using listener = daemon.connect({ timeoutMs: 60_000 });
    let wanted = 0;
    const handler = { wanted: () => void wanted++, unwanted: () => void wanted-- };
    const provided = names.map((name) => provider.provide(name, handler));
    await until(() => provider.state.status === 'ready');
    const heard = listener.listen('remote.>', { buffer: 50_000 });
    await until(() => wanted === names.length);
    relay.cut();
    await until(() => wanted === 0);
    relay.mend();
    await until(() => wanted === names.length);
    const left = new Set<Provided>(provided);
    await until(() => {
      for (const each of left) if (each.send(1)) left.delete(each);
      return left.size === 0;
    });
    const topics = new Set<string>();
    for await (const { topic } of heard) if (topics.add(topic).size === names.length) break;
  });
});

describe.concurrent('the numbers of an origin', () => {
  /** Provides `remote.a`, and waits until it is wanted. */
  async function origin(client: Client): Promise<Provided> {
    const provided = client.provide('remote.a', idle);
    await until(() => provided.wanted);
    return provided;
  }
  const at = (instance: string, seq: number) => ({ instance, seq, time: 1_795_000_000_000 + seq });

  test('arrive as they are, and show what was missed on the way', async () => {
    await using daemon = await startDaemon(config);
    await using provider = daemon.connect();
    await using listener = daemon.connect();
    const heard = listener.listen('remote.a');
    const provided = await origin(provider);
    for (const seq of [5, 6, 9]) provided.send(seq, at('web2', seq));
    const messages = await next(heard, 3);
    expect(numbers(messages)).toEqual([
      [5, 0],
      [6, 0],
      [9, 2],
    ]);
    expect(messages[2]).toMatchObject({ instance: 'web2', time: 1_795_000_000_009 });
    expect(listener.position).toMatchObject({ after: { 'remote.a': 9 }, instances: { 'remote.a': 'web2' } });
  });

  test('outlive the daemon: the listener counts what it missed, and a later client does', async () => {
    using folder = temporaryFolder();
    const first = await startDaemon(config, { folder });
    await using provider = first.connect({ retry });
    await using listener = first.connect({ retry });
    const uncounted: unknown[][] = [];
    listener.on('uncounted', (...args) => uncounted.push(args));
    const heard = listener.listen('remote.a');
    const provided = await origin(provider);
    provided.send(5, at('web2', 5));
    await next(heard, 1);
    const position = listener.position!;
    await first.program.kill('SIGKILL').ended;
    await until(() => !provided.wanted);
    await using second = await startDaemon(config, { folder });
    await until(() => provided.wanted);
    provided.send(8, at('web2', 8));
    expect(numbers(await next(heard, 1))).toEqual([[8, 2]]);
    await using later = second.connect({ resume: position });
    expect(numbers(await next(later.listen('remote.a'), 1))).toEqual([[8, 2]]);
    expect(uncounted).toEqual([]);
    for (const seq of [1, 2]) provided.send(seq, at('web2-restarted', seq));
    expect(numbers(await next(heard, 2))).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(uncounted).toEqual([['remote.a']]);
  });
});
