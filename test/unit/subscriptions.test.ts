import { beforeEach, describe, expect, test } from 'vitest';

import { MessageQueue } from '../../src/client/message-queue.ts';
import { Subscriptions } from '../../src/client/subscriptions.ts';

const heard = (topic: string, seq: number) => ({
  topic,
  seq,
  time: 0,
  data: seq,
  instance: 'one',
  bytes: 100,
});
/** What to resume after, as topics and numbers. */
const seqs = () => [...subscriptions.positions].map(([topic, { seq }]) => [topic, seq]);
const subscription = (...patterns: string[]) =>
  new MessageQueue(patterns, { messages: 10, bytes: Infinity }, () => {});

/** What waits in a subscription, as `topic seq`; it has ended then. */
async function contents(all: MessageQueue): Promise<string[]> {
  all.end();
  const found: string[] = [];
  for await (const { topic, seq } of all) found.push(`${topic} ${seq}`);
  return found;
}

let subscriptions: Subscriptions;

beforeEach(() => {
  subscriptions = new Subscriptions();
});

test('the daemon is asked for each pattern once, and told when nobody wants it any more', () => {
  const [one, other] = [subscription('a', 'host.>'), subscription('a', 'b')];
  expect(subscriptions.add(one)).toEqual(['a', 'host.>']);
  expect(subscriptions.add(other)).toEqual(['b']);
  expect(subscriptions.patterns).toEqual(['a', 'host.>', 'b']);
  expect(subscriptions.remove(one)).toEqual(['host.>']);
  expect(subscriptions.remove(one)).toEqual([]);
  expect(subscriptions.remove(other)).toEqual(['a', 'b']);
  expect(subscriptions.patterns).toEqual([]);
});

test('a message goes once to each that asked for its topic', async () => {
  const [one, other] = [subscription('host.*', 'host.load'), subscription('b')];
  for (const each of [one, other]) subscriptions.add(each);
  subscriptions.push(heard('host.load', 1));
  subscriptions.push(heard('b', 1));
  subscriptions.push(heard('host.load', 2));
  expect(await contents(one)).toEqual(['host.load 1', 'host.load 2']);
  expect(await contents(other)).toEqual(['b 1']);
});

test('one that comes later begins with the latest message of each of its topics', async () => {
  subscriptions.add(subscription('>'));
  for (const seq of [1, 2]) for (const topic of ['a', 'b', 'c.d']) subscriptions.push(heard(topic, seq));
  const late = subscription('*');
  subscriptions.add(late);
  expect(await contents(late)).toEqual(['a 2', 'b 2']);
});

describe('what to resume after', () => {
  test('is the last number of each topic', () => {
    subscriptions.add(subscription('>'));
    for (const [topic, seq] of [
      ['a', 1],
      ['__proto__', 5],
      ['a', 3],
    ] as const)
      subscriptions.push(heard(topic, seq));
    expect(seqs()).toEqual([
      ['a', 3],
      ['__proto__', 5],
    ]);
  });

  test('has no topic that nobody hears any more', () => {
    const [stays, goes] = [subscription('a'), subscription('*')];
    for (const each of [stays, goes]) subscriptions.add(each);
    for (const topic of ['a', 'b']) subscriptions.push(heard(topic, 1));
    subscriptions.remove(goes);
    expect(seqs()).toEqual([['a', 1]]);
  });

  test('is what belongs to other numberings, after the daemon has begun a new one', () => {
    subscriptions.add(subscription('>'));
    subscriptions.push(heard('a', 1));
    subscriptions.push({ ...heard('remote.a', 7), instance: 'origin' });
    expect(subscriptions.forget('one')).toBe(true);
    expect(seqs()).toEqual([['remote.a', 7]]);
    expect(subscriptions.forget('one')).toBe(false);
  });

  test('does not return to where an earlier client stood, once a message has come', () => {
    subscriptions.add(subscription('>'));
    subscriptions.begin('a', { instance: 'origin', seq: 3 });
    subscriptions.push(heard('a', 1));
    subscriptions.forget('one');
    expect(seqs()).toEqual([]);
  });
});

test('those that asked for a pattern are those that asked for exactly this one', () => {
  const [one, other] = [subscription('a', 'b'), subscription('>')];
  for (const each of [one, other]) subscriptions.add(each);
  expect(subscriptions.asking('b')).toEqual([one]);
  expect(subscriptions.asking('>')).toEqual([other]);
});

test('a message says whether the numbering of its topic has changed, once', () => {
  subscriptions.add(subscription('>'));
  const origin = (instance: string, seq: number) => ({ ...heard('remote.a', seq), instance });
  const changed = [origin('x', 5), origin('x', 9), origin('y', 1), origin('y', 2)];
  expect(changed.map((message) => subscriptions.push(message))).toEqual([false, false, true, false]);
});

test('all end together', async () => {
  const all = [subscription('a'), subscription('b')];
  for (const each of all) subscriptions.add(each);
  subscriptions.end();
  expect(await Promise.all(all.map(async (each) => (await each.next()).done))).toEqual([true, true]);
  expect(subscriptions.patterns).toEqual([]);
});
