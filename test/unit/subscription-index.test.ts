import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Accounts } from '../../src/config/config.ts';
import type { Audience, Pattern, Subscriber } from '../../src/daemon/subscribers/audience.ts';
import { SubscriptionIndex } from '../../src/daemon/subscribers/subscription-index.ts';
import { matches } from '../../src/protocol/names.ts';

const word = fc.constantFrom('a', 'b');
const topic = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 3 }), fc.boolean())
  .map(([words, rest]) => (rest || words.length === 0 ? [...words, '>'] : words).join('.'));

/** A client that may hear restricted topics if its uid is 1. */
class TestSubscriber implements Subscriber {
  readonly patterns = new Set<Pattern>();
  readonly peer: Subscriber['peer'];

  constructor(uid: number) {
    this.peer = { pid: 1, uid: 50_000 + uid, gid: 50_000 + uid, groups: [] };
  }

  message(): void {}
  replay(): void {}
  notice(): void {}
}

const restricted: Accounts = { uids: [50_001], gids: [] };

const step = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), client: fc.nat(2), pattern }),
  fc.record({ kind: fc.constant('unregister' as const), client: fc.nat(2), pattern }),
  fc.record({ kind: fc.constant('add' as const), topic, restricted: fc.boolean() }),
  fc.record({ kind: fc.constant('remove' as const), topic }),
);

function run(work: Iterable<unknown>): unknown[] {
  return [...work];
}

test('after any steps, exactly those hear a topic who are registered for it and may', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const index = new SubscriptionIndex();
      const clients = [0, 1, 2].map((uid) => new TestSubscriber(uid));
      const topics = new Map<string, Audience>();
      for (const one of steps) {
        if (one.kind === 'add' && !topics.has(one.topic)) {
          topics.set(one.topic, index.addTopic(one.topic, one.restricted ? restricted : undefined));
        } else if (one.kind === 'remove' && topics.has(one.topic)) {
          index.removeTopic(topics.get(one.topic)!);
          topics.delete(one.topic);
        } else if (one.kind === 'register') {
          const client = clients[one.client]!;
          if ([...client.patterns].some(({ text }) => text === one.pattern)) continue;
          const heard = (): string[] => index.heardBy(client, [], 100).map((audience) => audience.topic);
          const before = heard();
          const joined = run(index.join(client, index.hold(one.pattern))) as Audience[];
          const added = heard().filter((name) => !before.includes(name));
          expect(joined.map((audience) => audience.topic).toSorted()).toEqual(added.toSorted());
        } else if (one.kind === 'unregister') {
          const client = clients[one.client]!;
          const known = index.find(one.pattern);
          if (!known || !client.patterns.has(known)) continue;
          const emptied = run(index.leave(client, known)) as Audience[];
          for (const audience of emptied) expect(audience.isEmpty).toBe(true);
        }
        for (const [name, audience] of topics) {
          const hearing = clients.filter(
            (client) =>
              [...client.patterns].some(({ text }) => matches(text, name)) && audience.mayHear(client),
          );
          const visited: Subscriber[] = [];
          audience.each((subscriber) => visited.push(subscriber));
          expect(new Set(visited)).toEqual(new Set(hearing));
          expect(visited).toHaveLength(hearing.length);
          expect(audience).toMatchObject({ size: hearing.length, isEmpty: hearing.length === 0 });
        }
      }
    }),
    { numRuns: 500 },
  );
});

describe('a subscriber that joins many topics bit by bit', () => {
  function joining() {
    const index = new SubscriptionIndex();
    const audiences = ['a', 'b', 'c'].map((name) => index.addTopic(name, undefined));
    const client = new TestSubscriber(1);
    return { index, audiences, client, steps: index.join(client, index.hold('>')) };
  }
  const hearing = (audiences: Audience[]): string[] =>
    audiences.filter(({ isEmpty }) => !isEmpty).map((audience) => audience.topic);

  test('hears those that it has joined, and the others not yet', () => {
    const { audiences, steps } = joining();
    steps.next();
    expect(hearing(audiences)).toEqual(['a']);
    steps.next();
    expect(hearing(audiences)).toEqual(['a', 'b']);
    run(steps);
    expect(hearing(audiences)).toEqual(['a', 'b', 'c']);
  });

  test('joins one that is added meanwhile, and none that is removed', () => {
    const { index, audiences, steps } = joining();
    steps.next();
    index.removeTopic(audiences[1]!);
    const added = index.addTopic('d', undefined);
    expect((run(steps) as Audience[]).map((audience) => audience.topic)).toEqual(['c', 'd']);
    expect(added.size).toBe(1);
  });

  test('keeps the pattern though the last of its other subscribers leaves meanwhile', () => {
    const { index, audiences, steps } = joining();
    run(steps);
    const other = new TestSubscriber(2);
    const shared = index.find('>')!;
    const late = index.join(other, index.hold('>'));
    late.next();
    const [first] = shared.subscribers;
    run(index.leave(first!, shared));
    run(late);
    expect(audiences.map(({ size }) => size)).toEqual([1, 1, 1]);
  });
});

test('a registration costs what it matches, and not what there is', () => {
  const index = new SubscriptionIndex();
  for (let count = 0; count < 10_000; count++) index.addTopic(`host${count}.load`, undefined);
  const client = new TestSubscriber(1);
  const held = index.hold('host7.*');
  expect(run(index.join(client, held))).toHaveLength(1);
  expect(held.audiences.size).toBe(1);
  expect(run(index.leave(client, held))).toHaveLength(1);
  expect(index.find('host7.*')).toBeUndefined();
});
