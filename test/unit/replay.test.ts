import { expect, test } from 'vitest';

import type { Missed, Subscriber } from '../../src/daemon/subscribers/audience.ts';
import { Listener, createTopic } from '../helpers/topic.ts';
import { decodeFrame } from '../helpers/decode-frame.ts';

/** A subscriber that takes what it has missed when it is asked to. */
class Returning extends Listener implements Subscriber {
  missed: Missed | undefined;

  override replay(_topic: string, missed: Missed): void {
    this.missed = missed;
  }

  /** Number of the next message. */
  next(): number | undefined {
    const frame = this.missed!.next();
    return frame && decodeFrame(frame).seq;
  }
}

function published(history: number, count: number) {
  const topic = createTopic({ history });
  const publish = (): void => void topic.publish('x');
  for (let number = 0; number < count; number++) publish();
  return { topic, publish };
}

test('gives what was missed, and what has come meanwhile', () => {
  const { topic, publish } = published(10, 3);
  const back = new Returning();
  expect(topic.subscribe(back, 1)).toBe(0);
  expect(back.next()).toBe(2);
  publish();
  expect([back.next(), back.next(), back.next()]).toEqual([3, 4, undefined]);
  publish();
  expect([back.next(), back.next()]).toEqual([5, undefined]);
  expect(back.missed!.takeLost()).toBe(0);
});

test('counts what was gone at first, and what goes before its turn', () => {
  const { topic, publish } = published(3, 6);
  const back = new Returning();
  expect(topic.subscribe(back, 1)).toBe(2); // 2 and 3
  expect(back.next()).toBe(4);
  for (let number = 0; number < 4; number++) publish(); // 8, 9 and 10 are left
  expect([back.next(), back.next(), back.next(), back.next()]).toEqual([8, 9, 10, undefined]);
  expect(back.missed!.takeLost()).toBe(3);
  expect(back.missed!.takeLost()).toBe(0);
});

test('is over when the subscriber leaves, or the topic is removed', () => {
  const { topic } = published(10, 3);
  const [leaves, stays] = [new Returning(), new Returning()];
  for (const back of [leaves, stays]) topic.subscribe(back, 0);
  topic.unsubscribe(leaves);
  expect(leaves.missed).toMatchObject({ isOpen: false });
  expect(leaves.next()).toBeUndefined();
  expect(stays.missed).toMatchObject({ isOpen: true });
  topic.remove();
  expect(stays.missed).toMatchObject({ isOpen: false });
  expect(stays.next()).toBeUndefined();
  expect(stays.missed!.takeLost()).toBe(3);
});
