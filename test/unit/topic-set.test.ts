import { beforeEach, describe, expect, test } from 'vitest';

import { HistoryBudget } from '../../src/daemon/topics/history-budget.ts';
import type { SavedMessages } from '../../src/daemon/topics/message-log.ts';
import { SubscriptionIndex } from '../../src/daemon/subscribers/subscription-index.ts';
import { TopicSet } from '../../src/daemon/topics/topic-set.ts';
import { silent } from '../../src/log.ts';
import { topicParts, topicTools } from '../helpers/topic.ts';

const named = (name: string) => topicParts({ name, history: 10 });
const kept = (seq: number): SavedMessages => ({ seq, messages: [{ seq, time: 1, json: Buffer.from('1') }] });

let set: TopicSet;
let budget: HistoryBudget;

beforeEach(() => {
  budget = new HistoryBudget(() => 10_000_000);
});

function topicSet(saved: Record<string, SavedMessages> = {}, floor = 0): TopicSet {
  const topics = new Map(Object.entries(saved));
  return (set = new TopicSet(
    new SubscriptionIndex(),
    silent,
    { ...topicTools(), budget },
    { floor, offset: 0, topics },
  ));
}

const seqOf = (name: string): number => set.get(name)!.seq;

describe('a topic that is not configured any more', () => {
  test('is not saved, though its numbering goes on if a reload brings it back', () => {
    const topics = topicSet({ gone: kept(7), stays: kept(3) });
    topics.begin([named('stays')]);
    expect([...topics.save().topics.keys()]).toEqual(['stays']);
    topics.put(named('gone'));
    expect(seqOf('gone')).toBe(7);
    topics.remove(topics.get('gone')!);
    expect([...topics.save().topics.keys()]).toEqual(['stays']);
    topics.put(named('gone'));
    expect(set.get('gone')!.publish(1)).toBe(8);
  });

  test('keeps no messages in memory', () => {
    const topics = topicSet({ gone: kept(7) });
    topics.begin([named('t')]);
    set.get('t')!.publish('x'.repeat(100));
    expect(budget.bytes).toBeGreaterThan(100);
    topics.remove(topics.get('t')!);
    expect(budget.bytes).toBe(0);
  });

  test('is not given a number twice after a restart either', () => {
    const topics = topicSet();
    topics.begin([named('t')]);
    for (let number = 1; number <= 5; number++) set.get('t')!.publish(number);
    topics.remove(topics.get('t')!);
    const saved = topics.save();
    expect(saved).toEqual({ floor: 5, offset: 5, topics: new Map() });
    set = new TopicSet(new SubscriptionIndex(), silent, { ...topicTools(), budget }, saved);
    set.begin([named('t')]);
    expect(set.get('t')!.publish(6)).toBe(6);
  });
});

test('the numbering of 1,000 removed topics is kept, and what is forgotten then comes back above its numbers', () => {
  const topics = topicSet();
  topics.begin([]);
  for (let index = 0; index < 5000; index++) {
    topics.put(named(`t${index}`));
    set.get(`t${index}`)!.publish(1);
    topics.remove(topics.get(`t${index}`)!);
  }
  topics.put(named('t4999'));
  topics.put(named('t0'));
  const [recent, old] = [seqOf('t4999'), seqOf('t0')];
  // Each new topic begins above the forgotten ones, which were numbered from there as well.
  expect(recent).toBeGreaterThanOrEqual(1);
  expect(old).toBeGreaterThanOrEqual(1);
  expect(Math.max(recent, old)).toBeLessThanOrEqual(5);
  // What is known goes on with its numbering; one that begins above the floor has its own, so that nothing is missed.
  const { instance } = set.get('t4999')!;
  topics.remove(topics.get('t4999')!);
  topics.put(named('t4999'));
  expect(set.get('t4999')!.instance).toBe(instance);
  expect(set.get('t0')!.instance).toMatch(/^[0-9a-f]{16}$/);
  expect(topics.save().topics.get('t0')).toMatchObject({ instance: set.get('t0')!.instance });
});
