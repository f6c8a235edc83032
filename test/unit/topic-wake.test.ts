import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Listener, createTopic, topicParts } from '../helpers/topic.ts';
import type { TestTopic, TopicOptions } from '../helpers/topic.ts';

const NOON = Date.parse('2026-01-01T12:00:00Z');
const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOON, toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const hourly = { kind: 'interval', intervalMs: HOUR, align: false } as const;
const cron = { kind: 'cron', pattern: '0 * * * *', timezone: 'UTC' } as const;
const aligned = { ...hourly, align: true };

/** A topic that counts its samples. */
function counting(options: TopicOptions = {}) {
  let samples = 0;
  const sample = vi.fn(() => ++samples);
  return { sample, topic: createTopic({ sample, schedule: hourly, ...options }) };
}

/** What somebody gets at once who comes, and goes again. */
function visit(topic: TestTopic): unknown[] {
  const visitor = new Listener();
  topic.subscribe(visitor);
  topic.unsubscribe(visitor);
  return visitor.heard;
}

test('a message that is older than maxAge is handed to nobody new', () => {
  const topic = createTopic({ schedule: cron, maxAgeMs: 60_000 });
  topic.publish('news');
  vi.advanceTimersByTime(60_000);
  expect(visit(topic)).toEqual(['news']);
  vi.advanceTimersByTime(1);
  expect(visit(topic)).toEqual([]);
  vi.setSystemTime(NOON - HOUR); // The clock was set back: nobody knows how old it is.
  expect(visit(topic)).toEqual(['news']);
});

describe('a topic with an interval', () => {
  test('is sampled once in it, however often clients come and go, and each gets that sample', () => {
    const { topic, sample } = counting();
    for (let times = 0; times < 129; times++) expect(visit(topic)).toEqual([1]);
    expect(sample).toHaveBeenCalledOnce();
  });

  test('is sampled when it is woken after that, and not before', () => {
    const { topic } = counting();
    visit(topic);
    vi.advanceTimersByTime(HOUR - 1);
    expect(visit(topic)).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(visit(topic)).toEqual([2]);
  });

  test('ticks when the interval since its last sample is over, whenever it was woken', () => {
    const { topic } = counting();
    visit(topic);
    vi.advanceTimersByTime(HOUR - 10);
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(10 + HOUR);
    expect(listener.heard).toEqual([1, 2, 3]);
  });

  test('is not asked again by whoever comes when its sample has failed', () => {
    const sample = vi.fn(() => {
      throw new Error('no luck');
    });
    const topic = createTopic({ sample, schedule: hourly });
    for (let times = 0; times < 5; times++) expect(visit(topic)).toEqual([]);
    expect(sample).toHaveBeenCalledOnce();
  });

  test('gives the sample that is under way as its last client leaves to who comes next', async () => {
    const sample = vi.fn(() => new Promise((resolve) => setTimeout(resolve, 300, 'slow')));
    const topic = createTopic({ sample, schedule: hourly });
    expect(visit(topic)).toEqual([]);
    const meanwhile = new Listener();
    topic.subscribe(meanwhile);
    await vi.advanceTimersByTimeAsync(300);
    expect(meanwhile.heard).toEqual(['slow']);
    topic.unsubscribe(meanwhile);
    expect(visit(topic)).toEqual(['slow']);
    expect(sample).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('may be told to give only what it has, or nothing', () => {
    const last = counting({ first: 'last' });
    const none = counting({ first: 'none' });
    for (const { topic } of [last, none]) {
      const listener = new Listener();
      topic.subscribe(listener);
      expect(listener.heard).toEqual([]);
      vi.advanceTimersByTime(HOUR);
      expect(listener.heard).toEqual([1]);
      topic.unsubscribe(listener);
      vi.advanceTimersByTime(2 * HOUR);
    }
    expect(visit(last.topic)).toEqual([1]);
    expect(visit(none.topic)).toEqual([]);
  });
});

describe.each([
  ['cron', cron],
  ['align', aligned],
])('a topic with %s', (_, schedule) => {
  test('is sampled at its times only, and gives its last message to who comes between', () => {
    const { topic, sample } = counting({ schedule, first: 'last' });
    vi.advanceTimersByTime(HOUR / 2);
    expect(visit(topic)).toEqual([]);
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(HOUR / 2);
    expect(listener.heard).toEqual([1]);
    topic.unsubscribe(listener);
    vi.advanceTimersByTime(5 * HOUR);
    expect(visit(topic)).toEqual([1]);
    expect(sample).toHaveBeenCalledOnce();
  });

  test('may be sampled when it is woken, once between two of its times', () => {
    const { topic } = counting({ schedule, first: 'sample' });
    vi.advanceTimersByTime(HOUR / 2);
    expect([visit(topic), visit(topic)]).toEqual([[1], [1]]);
    vi.advanceTimersByTime(HOUR / 2);
    expect([visit(topic), visit(topic)]).toEqual([[2], [2]]);
  });
});

describe('a reload', () => {
  test('is no tick', () => {
    const { topic, sample } = counting();
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(HOUR / 2);
    topic.replace(topicParts({ ...topic.config, sample, timeoutMs: 5 }));
    topic.open();
    vi.advanceTimersByTime(HOUR / 2 - 1);
    expect(listener.heard).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(listener.heard).toEqual([1, 2]);
  });

  test('that brings another source has it sampled at once', () => {
    const { topic } = counting();
    const listener = new Listener();
    topic.subscribe(listener);
    topic.replace(topicParts({ sample: () => 'other', schedule: hourly }));
    topic.open();
    expect(listener.heard).toEqual([1, 'other']);
  });
});

describe('a restart', () => {
  function restarted(afterMs: number, options: TopicOptions = {}) {
    const before = counting();
    visit(before.topic);
    const saved = before.topic.save();
    vi.setSystemTime(Date.now() + afterMs);
    const { config } = before.topic;
    return createTopic({ ...config, sample: () => 'new', ...options }, undefined, saved);
  }

  test('is no tick', () => {
    const topic = restarted(HOUR / 2);
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(HOUR / 2 - 1);
    expect(listener.heard).toEqual([1]);
    vi.advanceTimersByTime(1);
    expect(listener.heard).toEqual([1, 'new']);
  });

  test('after the interval is followed by a sample', () => {
    expect(visit(restarted(HOUR))).toEqual(['new']);
  });

  test('with another source is followed by a sample', () => {
    expect(visit(restarted(10, { source: { kind: 'data', data: 'another' } }))).toEqual(['new']);
  });

  test('on a clock that was set back is followed by a sample', () => {
    expect(visit(restarted(-HOUR))).toEqual(['new']);
  });
});
