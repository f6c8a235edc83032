import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Listener, createTopic, topicParts } from '../helpers/topic.ts';

const NOON = Date.parse('2026-01-01T12:00:00Z');

beforeEach(() => {
  vi.useFakeTimers({ now: NOON, toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A topic that is sampled each second and fails as long as there is a reason. */
function ailing() {
  let reason: string | undefined;
  const sample = (): string => {
    if (reason !== undefined) throw new Error(reason);
    return 'OK';
  };
  const topic = createTopic({ sample });
  const listener = new Listener();
  topic.subscribe(listener);
  const fails = (why: string | undefined, ms = 1000): void => {
    reason = why;
    vi.advanceTimersByTime(ms);
  };
  return { topic, listener, fails };
}

const failing = (error: string, since: number, failures = 1) => ({
  type: 'chimed.failing',
  data: { topic: 't', error, since: NOON + since, failures },
});
const recovered = (failures: number) => ({ type: 'chimed.recovered', data: { topic: 't', failures } });

test('who hears a topic is told once that it fails, again for another reason, and when it has recovered', () => {
  const { listener, fails } = ailing();
  fails('disk is gone', 3000);
  expect(listener.notices).toEqual([failing('disk is gone', 1000)]);
  fails('disk is on fire');
  fails(undefined);
  expect(listener.notices.slice(1)).toEqual([failing('disk is on fire', 1000, 4), recovered(4)]);
  expect(listener.heard).toEqual(['OK', 'OK']);
});

test('who joins a topic that fails gets its last message, which says that it is stale, and why', () => {
  const { topic, fails } = ailing();
  fails('disk is gone', 2000);
  const late = new Listener();
  topic.subscribe(late);
  expect(late.frames).toEqual([{ type: 't', data: 'OK', seq: 1, time: NOON, offset: 1, stale: true }]);
  expect(late.notices).toEqual([failing('disk is gone', 1000, 2)]);
  fails(undefined);
  const later = new Listener();
  topic.subscribe(later);
  expect(later.frames).toEqual([{ type: 't', data: 'OK', seq: 2, time: NOON + 3000, offset: 2 }]);
  expect(later.notices).toEqual([]);
});

test('who wakes a topic that has failed is told so, and need not wait for the next tick', () => {
  const { topic, listener, fails } = ailing();
  fails('disk is gone');
  topic.unsubscribe(listener);
  const next = new Listener();
  topic.subscribe(next);
  expect(next.heard).toEqual(['OK']);
  expect(next.notices).toEqual([failing('disk is gone', 1000)]);
});

test('a reload does not hide that a topic fails, and the first sample after it says that it has recovered', () => {
  const { topic, listener, fails } = ailing();
  fails('disk is gone');
  topic.replace(topicParts({ sample: () => 'mended' }));
  const late = new Listener();
  topic.subscribe(late);
  expect(late.notices).toEqual([failing('disk is gone', 1000), recovered(1)]);
  expect(listener.notices).toEqual([failing('disk is gone', 1000), recovered(1)]);
  expect(listener.heard).toEqual(['OK', 'mended']);
});

test('a topic that clients publish to from now on has recovered', () => {
  const { topic, listener, fails } = ailing();
  fails('disk is gone');
  topic.replace(topicParts({}));
  topic.open();
  expect(listener.notices.at(-1)).toEqual(recovered(1));
});

test('the last good sample is told from those that failed, and survives a reload', () => {
  const { topic, fails } = ailing();
  expect(topic.lastGood).toBe(NOON);
  fails(undefined, 2000);
  expect(topic.lastGood).toBe(NOON + 2000);
  fails('disk is gone', 3000);
  expect(topic.lastGood).toBe(NOON + 2000);
  expect(topic.health).toMatchObject({ failing: 3, failingSince: NOON + 3000 });
  topic.replace(topicParts({ sample: () => 'other', history: 3 }));
  expect(topic.lastGood).toBe(NOON + 2000);
  topic.open();
  vi.advanceTimersByTime(1000);
  expect(topic.lastGood).toBe(NOON + 6000);
});

test('an unchanged sample is good, though no message comes of it', () => {
  const topic = createTopic({ sample: () => 'same', onChange: true });
  topic.subscribe(new Listener());
  vi.advanceTimersByTime(3000);
  expect(topic).toMatchObject({ seq: 1, lastSent: NOON, lastGood: NOON + 3000 });
});

test('of a topic that clients publish to, the last publication counts, and not that it is sent again', () => {
  const topic = createTopic({});
  topic.subscribe(new Listener());
  expect(topic.lastGood).toBeUndefined();
  topic.publish('first');
  vi.advanceTimersByTime(3000);
  expect(topic).toMatchObject({ seq: 4, lastSent: NOON + 3000, lastGood: NOON });
  topic.empty();
  expect(topic.lastGood).toBe(NOON);
});
