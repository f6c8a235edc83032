import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { MessageQueue } from '../../src/client/message-queue.ts';
import type { Message } from '../../src/client/api.ts';
import { ChimedError } from '../../src/errors.ts';

const heard = (seq: number, instance = 'one', topic = 't') => ({
  topic,
  seq,
  time: 0,
  data: seq,
  instance,
  bytes: 100,
});
const upTo = (messages: number, bytes = Infinity) => ({ messages, bytes });

test('what a loop gets and what it missed add up to what was sent, whatever is lost where', async () => {
  const step = fc.oneof(fc.record({ lost: fc.nat({ max: 3 }) }), fc.constant('next' as const));
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      async (steps, limit) => {
        const subscription = new MessageQueue(['t'], upTo(limit), () => {});
        const got: Message[] = [];
        let sent = 0;
        let waiting = 0;
        for (const action of steps) {
          if (action !== 'next') {
            sent += action.lost + 1;
            subscription.push(heard(sent));
            waiting = Math.min(waiting + 1, limit);
          } else if (waiting > 0) {
            waiting--;
            got.push((await subscription.next()).value!);
          }
        }
        for (; waiting > 0; waiting--) got.push((await subscription.next()).value!);
        const seqs = got.map(({ seq }) => seq);
        expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
        expect(seqs.at(-1) ?? 0).toBe(sent);
        // The first message has nothing before it that it could miss, but for what the buffer dropped.
        const before = steps.find((action) => action !== 'next');
        const missed = got.reduce((sum, message) => sum + message.missed, 0);
        expect(missed + got.length).toBe(sent - (before === undefined ? 0 : before.lost));
      },
    ),
  );
});

describe('a subscription', () => {
  test('hands over what comes while a loop waits', async () => {
    const subscription = new MessageQueue(['t'], upTo(10), () => {});
    const waiting = [subscription.next(), subscription.next()];
    subscription.push(heard(1));
    subscription.push(heard(2));
    expect((await Promise.all(waiting)).map(({ value }) => value!.seq)).toEqual([1, 2]);
  });

  test('counts each topic by itself', async () => {
    const subscription = new MessageQueue(['>'], upTo(10), () => {});
    for (const [topic, seq] of [
      ['a', 1],
      ['b', 5],
      ['a', 3],
      ['b', 6],
    ] as const)
      subscription.push(heard(seq, 'one', topic));
    const missed = [];
    for (let index = 0; index < 4; index++) missed.push((await subscription.next()).value!.missed);
    expect(missed).toEqual([0, 0, 1, 0]);
  });

  test('counts nothing across two numberings', async () => {
    const subscription = new MessageQueue(['t'], upTo(10), () => {});
    subscription.push(heard(7));
    subscription.push(heard(3, 'two'));
    subscription.push(heard(5, 'two'));
    const messages = [];
    for (let index = 0; index < 3; index++) messages.push((await subscription.next()).value!);
    expect(messages.map(({ instance, missed }) => [instance, missed])).toEqual([
      ['one', 0],
      ['two', 0],
      ['two', 1],
    ]);
  });

  test('that fails gives what it has and then throws', async () => {
    const subscription = new MessageQueue(['t'], upTo(10), () => {});
    subscription.push(heard(1));
    subscription.end(new ChimedError('unknown-topic', 'gone'));
    expect((await subscription.next()).value!.seq).toBe(1);
    await expect(subscription.next()).rejects.toThrow('gone');
  });

  test('that ends or fails tells those who wait, and takes nothing more', async () => {
    const [ended, failed] = [
      new MessageQueue(['t'], upTo(10), () => {}),
      new MessageQueue(['t'], upTo(10), () => {}),
    ];
    const waiting = Promise.allSettled([ended.next(), ended.next(), failed.next()]);
    ended.end();
    failed.end(new ChimedError('unknown-topic', 'gone'));
    for (const subscription of [ended, failed]) subscription.push(heard(1));
    expect(await waiting).toMatchObject([
      { value: { done: true } },
      { value: { done: true } },
      { reason: { code: 'unknown-topic' } },
    ]);
    expect((await ended.next()).done).toBe(true);
    await expect(failed.next()).rejects.toThrow('gone');
  });

  test('that is left tells its owner, and ends', async () => {
    let told = 0;
    const subscription = new MessageQueue(['t'], upTo(10), () => told++);
    subscription.push(heard(1));
    await subscription.return();
    expect(told).toBe(1);
    expect((await subscription.next()).done).toBe(true);
  });
});

test('a buffer is bounded in bytes, too, and always has the newest message', async () => {
  const subscription = new MessageQueue(['t'], upTo(1000, 350), () => {});
  for (let seq = 1; seq <= 10; seq++) subscription.push(heard(seq));
  const next = async () => (await subscription.next()).value!;
  expect([await next(), await next(), await next()]).toMatchObject([
    { seq: 8, missed: 7 },
    { seq: 9, missed: 0 },
    { seq: 10, missed: 0 },
  ]);
  subscription.push({ ...heard(11), bytes: 10_000 });
  expect(await next()).toMatchObject({ seq: 11, missed: 0 });
});
