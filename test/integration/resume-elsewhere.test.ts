import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Client, ConnectOptions, Message, ResumeFrom, State } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { next, numbers } from '../helpers/next.ts';
import { Relay } from '../helpers/relay.ts';

const publishable = (history: number) => ({ publish: true, history });

/** A client that begins where an earlier one stood, and counts how often it is told that nobody can count. */
function resuming(daemon: Pick<TestDaemon, 'socket'>, resume: ResumeFrom, options: ConnectOptions = {}) {
  const client = connectTo(daemon, { ...options, resume });
  const told = { uncounted: 0 };
  client.on('uncounted', () => told.uncounted++);
  return Object.assign(client, { told });
}

function connectTo({ socket }: Pick<TestDaemon, 'socket'>, options: ConnectOptions): Client {
  return connect({ socket, ...options });
}

const place = ({ topic, seq, missed }: Message): string => `${topic} ${seq} missed ${missed}`;

async function publishAll(client: Client, topics: readonly string[]): Promise<void> {
  for (const topic of topics) await client.publish(topic, topic);
}

/** Where a client stands that has heard all so far. */
async function standing(daemon: TestDaemon): Promise<ResumeFrom> {
  using client = await daemon.raw();
  const { data } = await client.send('chimed.register', { topics: [] }).frame('chimed.registered');
  const { instance, offset } = data as ResumeFrom;
  return { instance, offset };
}

describe.concurrent('a client that resumes where an earlier one stood', () => {
  test('gets each message since, once, and can count what the history no longer had', async () => {
    const topics = {
      long: publishable(10),
      short: publishable(1),
      still: publishable(5),
      fresh: publishable(5),
    };
    await using daemon = await startDaemon({ topics });
    await using publisher = daemon.connect();
    await publishAll(publisher, ['long', 'short', 'still', 'long']);
    const resume = await standing(daemon);
    await publishAll(publisher, ['short', 'long', 'short', 'short', 'long', 'fresh']);

    await using client = resuming(daemon, resume);
    const all = client.listen('>');
    await publishAll(publisher, ['still']);
    const heard = await next(all, 5);
    expect(heard.map(place).toSorted()).toEqual([
      'fresh 1 missed 0',
      'long 3 missed 0',
      'long 4 missed 0',
      'short 4 missed 2',
      'still 2 missed 0',
    ]);
    expect(client.told.uncounted).toBe(0);
    expect(client.state).toMatchObject({ status: 'ready', resumed: true });
  });

  test('is not given again what came before, though nothing came since', async () => {
    await using daemon = await startDaemon({ topics: { a: publishable(10), b: publishable(10) } });
    await using publisher = daemon.connect();
    await publishAll(publisher, ['a', 'a', 'b']);
    await using client = resuming(daemon, await standing(daemon));
    const all = client.listen(['a', 'b']);
    await client.status();
    await publishAll(publisher, ['a']);
    expect((await next(all, 1)).map(place)).toEqual(['a 3 missed 0']);
  });

  test('counts exactly when it is cut off before it has heard anything', async () => {
    await using daemon = await startDaemon({ topics: { a: publishable(2), b: publishable(10) } });
    await using relay = await Relay.start(daemon.socket);
    await using publisher = daemon.connect();
    await publishAll(publisher, ['a', 'b', 'a']);
    const resume = await standing(daemon);
    await using client = resuming(relay, resume, { retry: { minMs: 1, maxMs: 10 } });
    const all = client.listen('>');
    await client.status();
    relay.cut();
    await publishAll(publisher, ['a', 'a', 'a', 'a', 'b']);
    relay.mend();
    const heard = await next(all, 3);
    expect(heard.map(place).toSorted()).toEqual(['a 5 missed 2', 'a 6 missed 0', 'b 2 missed 0']);
    expect(client.told.uncounted).toBe(0);
  });

  test('goes on where a graceful restart has left the numbering', async () => {
    using folder = temporaryFolder();
    const config = { topics: { a: publishable(3) }, state: { file: folder.file('state.json') } };
    const first = await startDaemon(config, { folder });
    const before = first.connect();
    await publishAll(before, ['a', 'a']);
    const resume = await standing(first);
    await before.close();
    await first.program.kill('SIGTERM').ended;

    await using second = await startDaemon(config, { folder });
    await using publisher = second.connect();
    await publishAll(publisher, ['a', 'a', 'a', 'a']);
    await using client = resuming(second, resume);
    expect(numbers(await next(client.listen('a'), 3))).toEqual([
      [4, 1],
      [5, 0],
      [6, 0],
    ]);
    expect(client.told.uncounted).toBe(0);
    // What came between that place and the restart, the second daemon does not know.
    await using older = resuming(second, { ...resume, offset: resume.offset - 1 });
    expect(numbers(await next(older.listen('a'), 1))).toEqual([[6, 0]]);
    expect(older.told.uncounted).toBe(1);
  });

  test.each<[string, (resume: ResumeFrom) => ResumeFrom]>([
    ['of another numbering, as after a crash', ({ offset }) => ({ instance: 'another', offset })],
    ['that this daemon has not reached', ({ instance }) => ({ instance, offset: 1000 })],
  ])('is told that nobody can count since a place %s, and begins with the latest', async (_, changed) => {
    await using daemon = await startDaemon({ topics: { a: publishable(10) } });
    await using publisher = daemon.connect();
    await publishAll(publisher, ['a', 'a']);
    await using client = resuming(daemon, changed(await standing(daemon)));
    expect(numbers(await next(client.listen('a'), 1))).toEqual([[2, 0]]);
    expect(client.told.uncounted).toBe(1);
  });

  test('is told so of a topic that was added since', async () => {
    await using daemon = await startDaemon({ topics: { a: publishable(10) } });
    await using publisher = daemon.connect();
    await publishAll(publisher, ['a']);
    const resume = await standing(daemon);
    await publishAll(publisher, ['a']);
    await daemon.reload({ topics: { a: publishable(10), b: publishable(10) } });
    await publishAll(publisher, ['b']);
    await using client = resuming(daemon, resume);
    const heard = await next(client.listen('>'), 2);
    expect(heard.map(place).toSorted()).toEqual(['a 2 missed 0', 'b 1 missed 0']);
    expect(client.told.uncounted).toBe(1);
  });

  test('is told so when it listens to more topics than an answer lists, and misses none that are kept', async () => {
    const names = Array.from({ length: 1100 }, (_, index) => `t.n${index}`);
    await using daemon = await startDaemon({
      topics: Object.fromEntries(names.map((name) => [name, publishable(3)])),
    });
    await using publisher = daemon.connect();
    const resume = await standing(daemon);
    await Promise.all(names.map((name) => publisher.publish(name, 1)));
    await using client = resuming(daemon, resume);
    const heard = await next(client.listen('>', { buffer: 2000 }), names.length);
    expect(new Set(heard.map(({ topic }) => topic)).size).toBe(names.length);
    expect(heard.every(({ seq, missed }) => seq === 1 && missed === 0)).toBe(true);
    expect(client.told.uncounted).toBe(1);
  });

  test('gets all that is kept however slowly it reads, and what comes meanwhile', async () => {
    const count = 600;
    await using daemon = await startDaemon({
      topics: { a: publishable(2 * count) },
      clients: { pendingBytes: '64KiB' },
    });
    await using publisher = daemon.connect();
    const data = 'x'.repeat(2000);
    await publisher.publish('a', data);
    const resume = await standing(daemon);
    for (let seq = 2; seq <= count; seq++) await publisher.publish('a', data);
    await using client = resuming(daemon, resume);
    const all = client.listen('a');
    const [first] = await next(all, 1);
    for (let seq = 0; seq < 100; seq++) await publisher.publish('a', data);
    const rest = await next(all, count + 98);
    const seqs = [first!, ...rest].map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: count + 99 }, (_, index) => index + 2));
    expect([first!, ...rest].every(({ missed }) => missed === 0)).toBe(true);
  });

  test('later resumes as any client does', async () => {
    await using daemon = await startDaemon({ topics: { a: publishable(10) } });
    await using relay = await Relay.start(daemon.socket);
    await using publisher = daemon.connect();
    const resume = await standing(daemon);
    await publishAll(publisher, ['a', 'a']);
    await using client = resuming(relay, resume, { retry: { minMs: 1, maxMs: 10 } });
    const all = client.listen('a');
    expect(numbers(await next(all, 2))).toEqual([
      [1, 0],
      [2, 0],
    ]);
    const waiting = new Promise((resolve) => {
      client.on('state', ({ status }: State) => status === 'waiting' && resolve(status));
    });
    relay.cut();
    await waiting;
    await publishAll(publisher, ['a', 'a']);
    relay.mend();
    expect(numbers(await next(all, 2))).toEqual([
      [3, 0],
      [4, 0],
    ]);
  });
});

test('a client is told that nobody can count when the daemon begins a new numbering, if it had heard something', async () => {
  using folder = temporaryFolder();
  const config = { topics: { a: publishable(3) } };
  const first = await startDaemon(config, { folder });
  await using listener = first.connect({ retry: { minMs: 1, maxMs: 50 } });
  await using other = first.connect({ retry: { minMs: 1, maxMs: 50 } });
  const told: string[] = [];
  listener.on('uncounted', () => told.push('listener'));
  other.on('uncounted', () => told.push('other'));
  const all = listener.listen('a');
  await other.publish('a', 1);
  await next(all, 1);
  await first.program.kill('SIGKILL').ended;
  await using _second = await startDaemon(config, { folder });
  await other.publish('a', 1);
  expect(numbers(await next(all, 1))).toEqual([[1, 0]]);
  expect(told).toEqual(['listener']);
});
