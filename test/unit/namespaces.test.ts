import { beforeEach, describe, expect, test } from 'vitest';

import type { NamespaceConfig } from '../../src/config/config.ts';
import type { Provider } from '../../src/daemon/subscribers/provider.ts';
import { SubscriptionIndex } from '../../src/daemon/subscribers/subscription-index.ts';
import { HistoryBudget } from '../../src/daemon/topics/history-budget.ts';
import type { SavedMessages } from '../../src/daemon/topics/message-log.ts';
import { TopicSet } from '../../src/daemon/topics/topic-set.ts';
import type { Topic } from '../../src/daemon/topics/topic.ts';
import { silent } from '../../src/log.ts';
import { topicParts, topicTools } from '../helpers/topic.ts';

class TestProvider implements Provider {
  readonly id = 1;
  readonly peer = undefined;
  readonly hasLeft = false;
  readonly provided = new Set<string>();
  demand(): void {}
}

function namespace(options: Partial<NamespaceConfig> = {}): NamespaceConfig {
  const { schedule: _, ...config } = topicParts({ maxBytes: 100_000, history: 100 }).config;
  return {
    ...config,
    name: 'a.>',
    source: { kind: 'provide' },
    maxTopics: 3,
    totalBytes: 10_000,
    ...options,
  };
}

let budget: HistoryBudget;
let topics: TopicSet;
let source: TestProvider;

beforeEach(() => {
  budget = new HistoryBudget(() => 1_000_000);
  source = new TestProvider();
});

function begin(saved: Record<string, SavedMessages> = {}, config = namespace()): void {
  const state = { floor: 0, offset: 0, topics: new Map(Object.entries(saved)) };
  topics = new TopicSet(new SubscriptionIndex(), silent, { ...topicTools(), budget }, state);
  topics.begin([topicParts({ name: 'exact' })], [config]);
}

const provide = (name: string): Topic => topics.addProvided(name, topics.namespaceOf(name)!, source).topic;
const names = (): string[] => [...topics].map(({ name }) => name);

describe('a namespace', () => {
  test('matches no name that means something else', () => {
    begin({}, namespace({ name: '>' }));
    expect(topics.namespaceOf('a')).toBeDefined();
    expect(topics.namespaceOf('error')).toBeUndefined();
    expect(topics.namespaceOf('constructor')).toBeUndefined();
  });

  test('never keeps more bytes than it may, and lets go of them with its topics', () => {
    begin();
    const all = ['a.x', 'a.y', 'a.z'].map(provide);
    const own = all[0]!.namespace!.budget;
    for (let length = 0; length < 2000; length += 13) {
      all[length % 3]!.take('x'.repeat(length));
      expect(own.bytes).toBeLessThanOrEqual(10_000);
      expect(budget.bytes).toBe(own.bytes);
    }
    expect(() => all[0]!.take('x'.repeat(9000))).toThrow(expect.objectContaining({ code: 'too-large' }));
    for (const topic of all) topics.remove(topic);
    expect([own.bytes, budget.bytes]).toEqual([0, 0]);
    expect(source.provided.size).toBe(0);
  });

  test('has idle topics go for a message that has no room beside them', () => {
    begin();
    const [idle, kept] = [provide('a.idle'), provide('a.kept')];
    idle.take('x'.repeat(5000));
    idle.withdraw('gone');
    kept.take('x'.repeat(6000));
    expect(names()).toEqual(['exact', 'a.kept']);
  });

  test('goes on after a restart with as many topics as it may have', () => {
    const saved = (seq: number): SavedMessages => ({
      seq,
      instance: 'far',
      origin: true,
      messages: [{ seq, time: 1, json: Buffer.from('1') }],
    });
    begin({ 'a.1': saved(2 ** 52), 'a.2': saved(2), 'a.3': saved(3), 'a.4': saved(4), 'b.1': saved(5) });
    expect(names()).toEqual(['exact', 'a.1', 'a.2', 'a.3']);
    expect(topics.get('a.1')).toMatchObject({ seq: 2 ** 52, instance: 'far', provider: undefined });
    expect(topics.get('a.1')!.health.lastError).toBe('no client provides it');
    // What another machine has numbered does not raise the numbers of new topics here.
    expect(topics.save().floor).toBe(1);
  });

  test('goes on with the numbering of a topic that comes again', () => {
    begin();
    const topic = provide('a.x');
    topic.take(1, { instance: 'far', seq: 7, time: 1 });
    topics.remove(topic);
    const again = provide('a.x');
    expect(again).toMatchObject({ seq: 7, instance: 'far', lastMessage: undefined });
    expect(() => again.take(1, { instance: 'far', seq: 7, time: 1 })).toThrow('higher than 7');
    again.take(1);
    expect(again.seq).toBe(1);
    expect(again.instance).not.toBe('far');
  });

  test('changes the revision with each topic that comes or goes', () => {
    begin();
    const revisions = [topics.revision];
    const topic = provide('a.x');
    revisions.push(topics.revision);
    topics.remove(topic);
    revisions.push(topics.revision);
    topics.configureNamespaces([namespace()]);
    expect(topics.revision).toBe(revisions.at(-1));
    topics.configureNamespaces([namespace({ maxTopics: 1 })]);
    revisions.push(topics.revision);
    topics.configureNamespaces([]);
    revisions.push(topics.revision);
    expect(new Set(revisions).size).toBe(revisions.length);
  });
});
