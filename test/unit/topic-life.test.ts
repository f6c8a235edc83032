import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { silent } from '../../src/log.ts';
import { Listener, createTopic, topicParts } from '../helpers/topic.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function counting(): () => number {
  let count = 0;
  return () => ++count;
}

describe('who comes back to a topic with a history', () => {
  /** Awake since five messages, and keeps three. */
  function afterFive() {
    const topic = createTopic({ sample: counting(), always: true, history: 3 });
    topic.open();
    vi.advanceTimersByTime(4000);
    return topic;
  }

  test.each([
    ['that missed two', 3, [4, 5]],
    ['that missed none', 5, []],
    ['that missed more than are kept', 1, [3, 4, 5]],
    ['that heard nothing', 0, [3, 4, 5]],
  ])('one %s gets what is kept of it, and then what comes', (_, after, seqs) => {
    const topic = afterFive();
    const back = new Listener();
    topic.subscribe(back, after);
    expect(back.seqs).toEqual(seqs);
    vi.advanceTimersByTime(1000);
    expect(back.seqs).toEqual([...seqs, 6]);
  });

  test('wakes it, and hears nothing twice', () => {
    const topic = createTopic({ sample: counting(), history: 3 });
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(2000);
    topic.unsubscribe(listener);
    vi.advanceTimersByTime(1000);
    topic.subscribe(listener, 3);
    expect(listener.seqs).toEqual([1, 2, 3, 4]);
  });
});

describe('a topic that clients publish to', () => {
  test('sends what is published at once, and returns its number', () => {
    const topic = createTopic({});
    const [one, other] = [new Listener(), new Listener()];
    topic.subscribe(one);
    topic.subscribe(other);
    expect(one.heard).toEqual([]);
    expect(topic.publish({ price: 5 })).toBe(1);
    expect(topic.publish(null)).toBe(2);
    expect([one.heard, other.heard]).toEqual([
      [{ price: 5 }, null],
      [{ price: 5 }, null],
    ]);
  });

  test('gives the latest to who joins, whether somebody heard it or not', () => {
    const topic = createTopic({});
    topic.publish('old');
    topic.publish('new');
    for (const late of [new Listener(), new Listener()]) {
      topic.subscribe(late);
      topic.unsubscribe(late);
      expect(late.heard).toEqual(['new']);
    }
  });

  test('without a schedule has no timer', () => {
    const topic = createTopic({});
    const { schedule: _, ...config } = topic.config;
    topic.replace({ config, source: undefined });
    const listener = new Listener();
    topic.subscribe(listener);
    topic.publish(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(listener.heard).toEqual([1]);
  });

  test('sends the latest again at each tick, and nothing before there is one', () => {
    const topic = createTopic({});
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(2500);
    expect(listener.heard).toEqual([]);
    expect(topic.counters.failures).toBe(0);
    topic.publish('news');
    vi.advanceTimersByTime(2000);
    expect(listener.heard).toEqual(['news', 'news', 'news']);
    expect(listener.seqs).toEqual([1, 2, 3]);
  });

  test('refuses what is too large, and numbers only what it sends', () => {
    const topic = createTopic({ maxBytes: 10 });
    expect(() => topic.publish('x'.repeat(9))).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect(topic.publish('x'.repeat(8))).toBe(1);
  });

  test('is the only kind that takes messages', () => {
    const topic = createTopic({ sample: counting() });
    expect(() => topic.publish(1)).toThrow(expect.objectContaining({ code: 'not-publishable' }));
  });
});

describe('another configuration', () => {
  test('changes the ticks, and neither the numbering nor who hears it', () => {
    const topic = createTopic({ sample: () => 'old' });
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(1000);
    const schedule = { kind: 'interval', intervalMs: 100, align: false } as const;
    topic.replace(topicParts({ sample: () => 'new', schedule }));
    topic.open();
    vi.advanceTimersByTime(200);
    expect(listener.heard).toEqual(['old', 'old', 'new', 'new', 'new']);
    expect(listener.seqs).toEqual([1, 2, 3, 4, 5]);
  });

  test('does not wake a topic that sleeps, unless it says so', () => {
    const topic = createTopic({ sample: counting() });
    for (const always of [false, true, false]) {
      topic.replace(topicParts({ sample: counting(), always }));
      topic.open();
      expect(topic.awake).toBe(always);
    }
  });

  test('is not heard by one who leaves before it is opened', () => {
    const topic = createTopic({ sample: () => 'old' });
    const [stays, leaves] = [new Listener(), new Listener()];
    topic.subscribe(stays);
    topic.subscribe(leaves);
    topic.replace(topicParts({ sample: () => 'new' }));
    topic.unsubscribe(leaves);
    topic.open();
    expect(stays.heard).toEqual(['old', 'new']);
    expect(leaves.heard).toEqual(['old']);
  });

  test('takes its first sample when the last one of the old configuration has ended', async () => {
    const old = Promise.withResolvers<string>();
    const sample = vi.fn(() => 'new');
    const topic = createTopic({ sample: () => old.promise });
    const listener = new Listener();
    topic.subscribe(listener);
    topic.replace(topicParts({ sample }));
    topic.open();
    await vi.advanceTimersByTimeAsync(2000);
    expect(sample).not.toHaveBeenCalled();
    expect(topic.counters.skippedTicks).toBe(2);
    old.resolve('old');
    await vi.advanceTimersByTimeAsync(1000);
    expect(listener.heard).toEqual(['new', 'new']);
  });

  test('may keep fewer messages', () => {
    const topic = createTopic({ history: 5 });
    for (let count = 1; count <= 5; count++) topic.publish(count);
    topic.replace(topicParts({ history: 2 }));
    const back = new Listener();
    topic.subscribe(back, 0);
    expect(back.seqs).toEqual([4, 5]);
  });

  test.each([
    [10, 20],
    [20, 10],
  ])('may change how large a payload can be, from %i bytes to %i', (before, now) => {
    const topic = createTopic({ maxBytes: before });
    topic.replace(topicParts({ maxBytes: now }));
    expect(topic.publish('x'.repeat(now - 2))).toBe(1);
    expect(() => topic.publish('x'.repeat(now - 1))).toThrow(expect.objectContaining({ code: 'too-large' }));
  });
});

describe('a topic that closes', () => {
  test('stops its ticks, and waits for the sample under way, also for one of an earlier configuration', async () => {
    const samples = [Promise.withResolvers(), Promise.withResolvers()] as const;
    const topic = createTopic({ sample: () => samples[0].promise });
    topic.subscribe(new Listener());
    topic.replace(topicParts({ sample: () => samples[1].promise }));
    let closed = false;
    void topic.close().then(() => (closed = true));
    expect(vi.getTimerCount()).toBe(0);
    samples[1].resolve('new');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(closed).toBe(false);
    samples[0].resolve('old');
    await vi.advanceTimersByTimeAsync(0);
    expect(closed).toBe(true);
  });

  test('goes on where it was when it is restored: the same numbering, the same history', () => {
    const before = createTopic({ history: 2 });
    for (const data of ['a', 'b', 'c']) before.publish(data);
    const after = createTopic({ history: 2 }, silent, before.save());
    expect(after).toMatchObject({ seq: 3, lastSent: before.lastSent });
    const back = new Listener();
    after.subscribe(back, 2);
    expect(after.publish('d')).toBe(4);
    expect(back.heard).toEqual(['c', 'd']);
  });
});
