import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import type { Message } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { next, numbers } from '../helpers/next.ts';

const state = (file: string) => ({ state: { file } });

describe.concurrent('a client that comes back', () => {
  const topics = (history: number) => ({ price: { publish: true, history } });

  /** Lets a raw client hear message 1 and leave; 2 to 6 are published meanwhile; then it comes back. */
  async function absence(history: number) {
    const daemon = await startDaemon({ topics: topics(history) });
    await using publisher = daemon.connect();
    await publisher.publish('price', 1);
    const leaving = await daemon.raw();
    const { data } = await leaving.send('chimed.register', { topics: ['price'] }).frame('chimed.registered');
    await leaving.frame('price');
    leaving.socket.destroy();
    for (let value = 2; value <= 6; value++) await publisher.publish('price', value);
    const { instance } = data as { instance: string };
    const back = await daemon.raw();
    back.send('chimed.register', { topics: ['price'], resume: { instance, after: { price: 1 } } });
    await back.frame('chimed.registered');
    await back.frames.find(({ seq }) => seq === 6); // Else the history may have let go of more.
    await publisher.publish('price', 7);
    await back.frames.find(({ seq }) => seq === 7);
    const heard = back.frames.items.filter(({ type }) => type === 'price').map(({ seq }) => seq);
    back[Symbol.dispose]();
    await daemon[Symbol.asyncDispose]();
    return heard;
  }

  test('gets what the history kept, in order, each once', async () => {
    expect(await absence(10)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  test('gets all that the history kept, though it is more than may wait, and what comes meanwhile behind it', async () => {
    await using daemon = await startDaemon({
      topics: { price: { publish: true, history: 900 } },
      clients: { pendingBytes: '64KiB' },
    });
    await using publisher = daemon.connect();
    const data = 'x'.repeat(2000);
    for (let number = 1; number <= 800; number++) await publisher.publish('price', data);
    const { instance } = await publisher.status();
    using client = await daemon.raw();
    client.socket.pause();
    client.send('chimed.register', { topics: ['price'], resume: { instance, after: { price: 0 } } });
    await daemon.logged('client registered');
    for (let number = 1; number <= 100; number++) await publisher.publish('price', data);
    client.socket.resume();
    const heard = await client.messages('price', 900);
    expect(heard.map(({ seq }) => seq)).toEqual(Array.from({ length: 900 }, (_, index) => index + 1));
    await publisher.publish('price', 'live');
    expect(await client.frames.find((frame) => frame.data === 'live')).toMatchObject({ seq: 901 });
    const { clients } = await publisher.status();
    expect(clients.find(({ patternCount }) => patternCount > 0)).toMatchObject({ skipped: 0 });
  });

  test('may resume many topics by one number, and can count what it has missed of each', async () => {
    const two = { a: { publish: true, history: 2 }, b: { publish: true, history: 10 }, c: { publish: true } };
    await using daemon = await startDaemon({ topics: two });
    await using publisher = daemon.connect();
    for (const topic of ['a', 'b', 'c']) await publisher.publish(topic, 1);
    const leaving = await daemon.raw();
    const before = await leaving.send('chimed.register', { topics: ['>'] }).frame('chimed.registered');
    const { instance, offset } = before.data as { instance: string; offset: number };
    expect(before.data).toMatchObject({ protocol: 1, offset: 3 });
    expect((await leaving.messages('c', 1))[0]).toMatchObject({ seq: 1, offset: 3 });
    leaving.socket.destroy();
    for (const topic of ['a', 'b', 'a', 'a', 'b']) await publisher.publish(topic, 2);

    using back = await daemon.raw();
    back.send('chimed.register', { topics: ['>'], resume: { instance, offset } });
    const { data } = await back.frame('chimed.registered');
    expect(data).toMatchObject({
      topics: [
        { topic: 'a', instance, seq: 4, after: 1 },
        { topic: 'b', instance, seq: 3, after: 1 },
        { topic: 'c', instance, seq: 1, after: 1 },
      ],
    });
    expect(data).not.toHaveProperty('uncounted');
    await publisher.publish('c', 'last');
    await back.frames.find((frame) => frame.data === 'last');
    const heard = back.frames.items.filter(({ seq }) => seq !== undefined);
    expect(heard.map(({ type, seq }) => `${type} ${seq}`)).toEqual(['a 3', 'a 4', 'b 2', 'b 3', 'c 2']);
  });

  test('is not told that it has all of a topic that was removed and added again since', async () => {
    const two = { gone: { publish: true, history: 10 }, stays: { publish: true } };
    await using daemon = await startDaemon({ topics: two });
    await using publisher = daemon.connect();
    for (const value of [1, 2, 3]) await publisher.publish('gone', value);
    const { instance } = await publisher.status();
    await daemon.reload({ topics: { stays: two.stays } });
    await daemon.reload({ topics: two });
    await publisher.publish('gone', 4);
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['gone'], resume: { instance, offset: 1 } });
    const { topics: listed } = (await client.frame('chimed.registered')).data as { topics: object[] };
    expect(listed).toEqual([{ topic: 'gone', interval: null, instance, seq: 4 }]);
    expect((await client.messages('gone', 1))[0]).toMatchObject({ seq: 4 });
  });

  test.each([
    ['of another numbering', { instance: 'another', offset: 0 }],
    ['that has not been reached', { offset: 100 }],
  ])('is told that nobody can count after an offset %s, and begins with the latest', async (_, point) => {
    await using daemon = await startDaemon({ topics: topics(10) });
    await using publisher = daemon.connect();
    for (const value of [1, 2]) await publisher.publish('price', value);
    const { instance } = await publisher.status();
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['price'], resume: { instance, ...point } });
    expect((await client.frame('chimed.registered')).data).toMatchObject({ uncounted: true });
    expect(await client.messages('price', 1)).toMatchObject([{ seq: 2 }]);
  });

  test('gets the last ones if it was away for longer', async () => {
    expect(await absence(2)).toEqual([5, 6, 7]);
  });

  test('has what it lost counted, and logged', async () => {
    await using daemon = await startDaemon({ topics: topics(2) });
    await using publisher = daemon.connect();
    for (let value = 1; value <= 6; value++) await publisher.publish('price', value);
    const { instance } = await publisher.status();
    using client = await daemon.raw();
    client.send('chimed.register', {
      name: 'back',
      topics: ['price'],
      resume: { instance, after: { price: 1 } },
    });
    expect((await client.messages('price', 2)).map(({ seq }) => seq)).toEqual([5, 6]);
    const { clients } = await publisher.status();
    expect(clients.find(({ name }) => name === 'back')).toMatchObject({ sent: 2, skipped: 3 });
    expect(await daemon.logged(/^client was away too long/)).toMatchObject({ name: 'back', skipped: 3 });
  });

  test('gets the latest one at least', async () => {
    expect(await absence(0)).toEqual([6, 7]);
  });

  test('is not given what another instance numbered', async () => {
    await using daemon = await startDaemon({ topics: topics(10) });
    await using publisher = daemon.connect();
    for (let value = 1; value <= 3; value++) await publisher.publish('price', value);
    using client = await daemon.raw();
    client.send('chimed.register', {
      topics: ['price'],
      resume: { instance: 'another', after: { price: 1 } },
    });
    expect((await client.frame('price')).seq).toBe(3);
  });
});

describe.concurrent('the client library', () => {
  test('goes on with the numbering after a stop and a start with a state file, and counts what it missed', async () => {
    using folder = temporaryFolder();
    const config = { topics: { price: { publish: true, history: 2 } }, ...state(folder.file('state.json')) };
    const first = await startDaemon(config, { folder });
    await using client = first.connect({ name: 'listener' });
    const subscription = client.listen('price');
    await using publisher = first.connect();
    for (let value = 1; value <= 2; value++) await publisher.publish('price', value);
    expect(numbers(await next(subscription, 2))).toEqual([
      [1, 0],
      [2, 0],
    ]);
    const { instance } = await publisher.status();
    await first.program.kill('SIGTERM').ended;

    await using second = await startDaemon(config, { folder });
    for (let value = 3; value <= 4; value++) await publisher.publish('price', value);
    expect(numbers(await next(subscription, 2))).toEqual([
      [3, 0],
      [4, 0],
    ]);
    expect((await publisher.status()).instance).toBe(instance);
    expect(second.program.pid).not.toBe(first.program.pid);
  });

  test('says that a new numbering began after a crash', async () => {
    using folder = temporaryFolder();
    const config = { topics: { tick: { interval: '20ms', data: 1 } }, ...state(folder.file('state.json')) };
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (_: object, message: string) => void warnings.push(message),
    };
    const first = await startDaemon(config, { folder });
    await using client = first.connect({ logger });
    const subscription = client.listen('tick');
    const [before] = await next(subscription, 3);
    await first.program.kill('SIGKILL').ended;
    await using _second = await startDaemon(config, { folder });
    let message: Message;
    do [message] = (await next(subscription, 1)) as [Message];
    while (message.instance === before!.instance);
    expect(message).toMatchObject({ seq: 1, missed: 0 });
    expect(warnings.some((text) => text.includes('began a new numbering'))).toBe(true);
  });

  test('counts what the history no longer had', async () => {
    using folder = temporaryFolder();
    const config = { topics: { price: { publish: true, history: 2 } }, ...state(folder.file('state.json')) };
    const first = await startDaemon(config, { folder });
    await using client = first.connect();
    const subscription = client.listen('price');
    const publisher = await first.raw();
    publisher.send('chimed.publish', { topic: 'price', data: 1 });
    const [message] = await next(subscription, 1);
    await first.program.kill('SIGTERM').ended;
    // The numbering moves on while it is away, as it does where others are faster to come back.
    const kept = [5, 6].map((seq) => ({ seq, time: 1, data: seq }));
    const saved = { version: 1, instance: message!.instance, topics: { price: { seq: 6, messages: kept } } };
    writeFileSync(folder.file('state.json'), JSON.stringify(saved));
    await using _second = await startDaemon(config, { folder });
    expect(numbers(await next(subscription, 2))).toEqual([
      [5, 3],
      [6, 0],
    ]);
  });
});
