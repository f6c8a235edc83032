import { describe, expect, test } from 'vitest';

import { excerptOf } from '../../src/cli/top/excerpt.ts';
import { short } from '../../src/cli/top/figures.ts';
import { listClients, listTopics } from '../../src/cli/top/listing.ts';
import { MessageRate } from '../../src/cli/top/message-rate.ts';
import { MOST_SHOWN, Model } from '../../src/cli/top/model.ts';
import { placedNumbers } from '../../src/cli/top/numbers.ts';
import { SERIES_LENGTH, Series, sparkline } from '../../src/cli/top/series.ts';
import type { Message } from '../../src/index.ts';
import { clientStatus, statusOf, topicStatus } from '../helpers/statuses.ts';

const message = (topic: string, data: unknown, seq = 1): Message => ({
  topic,
  seq,
  time: seq * 1000,
  data,
  missed: 0,
  instance: 'abc',
});

describe('an excerpt of a payload', () => {
  test('is the payload if that is small', () => {
    const data = { a: [1, 'two', null, true], b: { c: 0.5 } };
    expect(excerptOf(data)).toEqual(data);
  });

  test.each([
    ['a long text', 'x'.repeat(1e6)],
    ['a long list', Array.from({ length: 1e5 }, () => 'text')],
    ['many keys', Object.fromEntries(Array.from({ length: 1e5 }, (_, index) => [`key${index}`, index]))],
    ['long texts', Array.from({ length: 100 }, () => 'x'.repeat(1e4))],
    ['long keys', { ['k'.repeat(1e6)]: 1 }],
  ])('is small for %s, and marks that something is left out', (_, data) => {
    const text = JSON.stringify(excerptOf(data));
    expect(text.length).toBeLessThan(10_000);
    expect(text).toContain('…');
  });

  test('keeps a key named __proto__', () => {
    const data: unknown = JSON.parse('{"__proto__": {"polluted": 1}}');
    expect(JSON.stringify(excerptOf(data))).toBe('{"__proto__":{"polluted":1}}');
  });
});

describe('the numbers in a payload', () => {
  test('have their places as names', () => {
    const data = { load: [0.5, 1], name: 'x', disk: { free: 3 } };
    expect([...placedNumbers(data)]).toEqual([
      ['load.0', 0.5],
      ['load.1', 1],
      ['disk.free', 3],
    ]);
    expect([...placedNumbers(7)]).toEqual([['', 7]]);
    expect([...placedNumbers('7')]).toEqual([]);
  });

  test('are bounded', () => {
    expect(placedNumbers(Array.from({ length: 1000 }, (_, index) => index)).size).toBe(16);
  });
});

test('a series keeps the last numbers, the oldest first', () => {
  const series = new Series();
  for (let value = 1; value <= SERIES_LENGTH + 5; value++) series.push(value);
  expect(series.last()).toHaveLength(SERIES_LENGTH);
  expect(series.last(3)).toEqual([63, 64, 65]);
});

test('a sparkline has one bar a number, from the smallest to the largest', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([5, 5])).toBe('▁▁');
  expect(sparkline([-1e308, 1e308]), 'a range that no number can hold').toHaveLength(2);
  expect(sparkline([])).toBe('');
});

test('a number is short', () => {
  const shown = [0, 0.25, 12.5, 1234, 99_999, 123_456, 2_500_000, -7e12, 1e-9, 1e300].map(short);
  expect(shown).toEqual(['0', '0.25', '12.5', '1234', '99999', '123k', '2.5M', '-7T', '1.0e-9', '1.0e+300']);
});

describe('a rate', () => {
  test('is taken over the last ten refreshes', () => {
    const rate = new MessageRate();
    expect(rate.perSecond).toBeUndefined();
    rate.add(1000, 0);
    expect(rate.perSecond).toBeUndefined();
    for (let second = 1; second <= 20; second++) rate.add(1000 + second * 2, second * 1000);
    expect(rate.perSecond).toBe(2);
  });

  test('begins again when the counter does', () => {
    const rate = new MessageRate();
    rate.add(500, 0);
    rate.add(3, 1000);
    expect(rate.perSecond).toBeUndefined();
    rate.add(5, 2000);
    expect(rate.perSecond).toBe(2);
  });
});

describe('the model', () => {
  test('has the last message of each topic after the next update, and follows its numbers', () => {
    const model = new Model();
    model.hear(message('a', 1));
    model.hear(message('a', 2, 2));
    expect(model.topics.size).toBe(0);
    model.update(statusOf([topicStatus('a', { seq: 2 })]), 0);
    model.hear(message('a', 3, 3));
    model.update(statusOf([topicStatus('a', { seq: 3 })]), 1000);
    const topic = model.topics.get('a')!;
    expect(topic.last).toEqual({ data: 3, time: 3000 });
    expect(topic.series.get('')!.last()).toEqual([2, 3]);
    expect(topic.rate.perSecond).toBe(1);
  });

  test('forgets topics, clients and numbers that are gone', () => {
    const model = new Model();
    model.hear(message('a', { x: 1, y: 2 }));
    model.update(statusOf([topicStatus('a'), topicStatus('b')], [clientStatus(1), clientStatus(2)]), 0);
    model.hear(message('a', { y: 3 }));
    model.update(statusOf([topicStatus('a')], [clientStatus(2)]), 1000);
    expect([...model.topics.keys()]).toEqual(['a']);
    expect([...model.clients.keys()]).toEqual([2]);
    expect([...model.topics.get('a')!.series.keys()]).toEqual(['y']);
  });

  test('keeps the last values of topics when another daemon answers, and no rate of another client', () => {
    const model = new Model();
    model.hear(message('a', 1));
    model.update(statusOf([topicStatus('a', { seq: 9 })], [clientStatus(1, { sent: 10 })]), 0);
    model.update(statusOf([topicStatus('a')], [clientStatus(1, { sent: 50 })], { pid: 2 }), 1000);
    expect(model.topics.get('a')!.last?.data).toBe(1);
    expect(model.topics.get('a')!.rate.perSecond).toBeUndefined();
    expect(model.clients.get(1)!.rate.perSecond).toBeUndefined();
  });

  test('is bounded, and keeps the messages of the topics that it shows', () => {
    const topics = Array.from({ length: MOST_SHOWN + 50 }, (_, index) => topicStatus(`t${index}`));
    const model = new Model();
    model.update(statusOf(topics), 0);
    for (const { topic } of topics.toReversed()) model.hear(message(topic, topic));
    model.update(statusOf(topics), 1000);
    expect(model.topics.size).toBe(MOST_SHOWN);
    for (const { last, status } of model.topics.values()) expect(last?.data).toBe(status.topic);
  });
});

describe('a list', () => {
  const model = new Model();
  model.update(
    statusOf(
      [
        topicStatus('b', { failures: 5, lastSent: 1000, clients: 1 }),
        topicStatus('a', { failures: 1, lastError: 'broken', lastSent: 3000, clients: 3 }),
        topicStatus('Host.c', { lateP99Ms: 2, clients: 2 }),
      ],
      [
        clientStatus(2, { name: 'x', skipped: 1 }),
        clientStatus(1, { name: null, topics: ['host.>'], skipped: 7 }),
      ],
    ),
    0,
  );
  const topics = (by: Parameters<typeof listTopics>[2]['by'], isReversed = false, filter = ''): string[] =>
    listTopics(model, filter, { by, isReversed }).map(({ status }) => status.topic);

  test('of topics is sorted by names upwards, by numbers downwards, and reversed', () => {
    expect(topics('name')).toEqual(['Host.c', 'a', 'b']);
    expect(topics('name', true)).toEqual(['b', 'a', 'Host.c']);
    expect(topics('clients')).toEqual(['a', 'Host.c', 'b']);
    expect(topics('late')[0]).toBe('Host.c');
    expect(topics('failed'), 'those that fail now come first').toEqual(['a', 'b', 'Host.c']);
    expect(topics('age'), 'topics without a message come last').toEqual(['b', 'a', 'Host.c']);
  });

  test('has what contains the filter, in any case', () => {
    expect(topics('name', false, 'HOST')).toEqual(['Host.c']);
    const order = { by: 'id', isReversed: false } as const;
    expect(listClients(model, 'host', order).map(({ status }) => status.id)).toEqual([1]);
    expect(listClients(model, '', { ...order, by: 'missed' }).map(({ status }) => status.id)).toEqual([1, 2]);
  });
});
