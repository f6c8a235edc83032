import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import type { RawClient } from '../helpers/raw-client.ts';

const FRAME_BYTES = 64 * 1024;
const topics = { tick: { interval: '20ms', data: 'tock' }, inbox: { publish: true } };
const limits = { frameBytes: '64KiB', frameTimeout: '200ms' };

let daemon: TestDaemon;
let healthy: RawClient;

beforeAll(async () => {
  daemon = await startDaemon({ topics, clients: limits });
  healthy = await daemon.raw();
  healthy.send('tick');
});

afterAll(async () => {
  const { length } = healthy.frames.items;
  await healthy.frame('tick', length);
  const seqs = healthy.frames.items.filter(({ type }) => type === 'tick').map(({ seq }) => seq!);
  expect(seqs, 'a healthy client heard every tick, in order').toEqual(
    seqs.map((_, index) => seqs[0]! + index),
  );
  healthy[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

/** A frame of exactly so many bytes that publishes a text. */
function publication(bytes: number): string {
  const empty = JSON.stringify({ type: 'chimed.publish', data: { topic: 'inbox', data: '', id: 1 } });
  return empty.replace(
    '"data":""',
    `"data":"${'é'.repeat((bytes - empty.length) >> 1)}${'x'.repeat((bytes - empty.length) % 2)}"`,
  );
}

describe('what is no frame is rejected with its reason, and costs its sender the connection', () => {
  test.each([
    ['text', 'hello\f', 'not-json'],
    ['half an object', '{"type":"tick"\f', 'not-json'],
    ['nothing', '\f', 'not-json'],
    ['null', 'null\f', 'not-an-object'],
    ['an array', '[]\f', 'not-an-object'],
    ['a number', '5\f', 'not-an-object'],
    ['an object without a type', '{"data":1}\f', 'bad-type'],
    ['a type that is no text', '{"type":7}\f', 'bad-type'],
    ['a type that is empty', '{"type":""}\f', 'bad-type'],
    ['a frame that is a byte too long', `${publication(FRAME_BYTES + 1)}\f`, 'too-large'],
    ['a frame without an end', 'x'.repeat(FRAME_BYTES + 1), 'too-large'],
    ['a frame that stays unfinished', '{"type":"ti', 'incomplete'],
  ])('%s', async (_, bytes, code) => {
    using client = await daemon.raw();
    client.write(bytes);
    const { data } = await client.frame('chimed.rejected');
    expect(data).toMatchObject({ code, message: expect.any(String) });
    await client.closed;
  });
});

test('10,000 broken frames in one write get one answer and one line in the log', async () => {
  await using own = await startDaemon({ topics, clients: limits });
  using client = await own.raw();
  client.write('not-json-many\f'.repeat(10_000));
  await client.closed;
  expect(client.frames.items).toHaveLength(1);
  const { client: id } = await own.logged(/not-json-many/);
  await own.log.find((line) => line.msg === 'client disconnected' && line['client'] === id);
  const lines = own.log.items.filter(({ msg }) => msg.includes('not-json-many'));
  expect(lines).toHaveLength(1);
});

describe('a frame that makes no sense is rejected, and its sender stays', () => {
  test.each(['error', 'data', 'socket.disconnected', 'constructor', '__proto__', 'toString', 'nowhere'])(
    'the type %s',
    async (type) => {
      using client = await daemon.raw();
      client.send(type).send('tick');
      expect((await client.frame('chimed.rejected')).data).toMatchObject({
        code: 'unknown-topic',
        request: type,
      });
      await client.frame('tick');
    },
  );

  test.each(['Tick!', 'a..b', 'chimed.shutdown'])('the type %j', async (type) => {
    using client = await daemon.raw();
    client.send(type).send('tick');
    expect((await client.frame('chimed.rejected')).data).toHaveProperty('code', 'bad-type');
    await client.frame('tick');
  });

  test.each([
    ['chimed.register', null, 'data'],
    ['chimed.register', { topics: 'tick' }, 'topics'],
    ['chimed.register', { topics: ['a b'] }, 'topics'],
    ['chimed.register', { topics: [], name: 5 }, 'name'],
    ['chimed.register', { topics: [], resume: { instance: 1 } }, 'resume.instance'],
    ['chimed.register', { topics: [], resume: { instance: 'a', after: { tick: 'x' } } }, 'resume.after'],
    ['chimed.unregister', {}, 'topics'],
    ['chimed.publish', { topic: '..', data: 1 }, 'topic'],
    ['chimed.publish', { topic: 'inbox' }, 'data'],
  ])('%s with %j', async (type, data, field) => {
    using client = await daemon.raw();
    client.send(type, data).send('tick');
    const rejected = await client.frame('chimed.rejected');
    expect(rejected.data).toMatchObject({
      code: 'bad-request',
      request: type,
      message: expect.stringContaining(field),
    });
    await client.frame('tick');
  });

  test('only the first is logged', async () => {
    await using own = await startDaemon({ topics, clients: limits });
    using client = await own.raw();
    for (let count = 0; count < 50; count++) client.send('Wrong.Once');
    await client.frames.take(50);
    client.socket.end();
    await client.closed;
    const { rejections } = await own.log.find((line) => line['rejections'] === 50);
    expect(rejections).toBe(50);
    expect(own.log.items.filter(({ msg }) => msg.includes('Wrong.Once'))).toHaveLength(1);
  });
});

describe('what is a frame is understood', () => {
  test('of exactly the largest size', async () => {
    using client = await daemon.raw();
    const frame = publication(FRAME_BYTES);
    expect(Buffer.byteLength(frame)).toBe(FRAME_BYTES);
    client.write(`${frame}\f`);
    await client.frame('chimed.published');
  });

  test('cut in the middle of a character', async () => {
    using client = await daemon.raw();
    client.send('inbox');
    const bytes = Buffer.from('{"type":"chimed.publish","data":{"topic":"inbox","data":"👍","id":2}}\f');
    const middle = bytes.indexOf(0xf0) + 2;
    client.socket.setNoDelay(true);
    client.write(bytes.subarray(0, middle));
    // The first half has to arrive alone: another client's answer shows that the daemon has moved on.
    using other = await daemon.raw();
    other.send('chimed.status');
    await other.frame('chimed.status');
    client.write(bytes.subarray(middle));
    await client.frames.find(({ type, data }) => type === 'inbox' && data === '👍');
  });

  test('10,000 of them in one write', async () => {
    using client = await daemon.raw();
    client.write('{"type":"chimed.publish","data":{"topic":"inbox","data":0,"id":3}}\f'.repeat(10_000));
    await client.frames.take(10_000, ({ type }) => type === 'chimed.published');
  });
});
