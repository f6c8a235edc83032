import { expect, test } from 'vitest';

import { Offsets } from '../../src/daemon/topics/offsets.ts';

const REMEMBERED = 65_536;

test('the messages of all topics have one numbering, which goes on after a restart', () => {
  const offsets = new Offsets();
  const [one, other] = [offsets.addTopic(), offsets.addTopic()];
  expect([one, other, one].map((topic) => offsets.next(topic))).toEqual([1, 2, 3]);
  expect(offsets.last).toBe(3);
  expect(new Offsets(3).next(1)).toBe(4);
});

test('what has come after an offset is counted for each topic, also while it is being asked for', () => {
  const offsets = new Offsets();
  const [one, other, silent] = [offsets.addTopic(), offsets.addTopic(), offsets.addTopic()] as const;
  for (const topic of [one, other, one, one]) offsets.next(topic);
  const since = offsets.since(1)!;
  expect([one, other, silent].map((topic) => since.of(topic))).toEqual([2, 1, 0]);
  for (const topic of [other, one]) offsets.next(topic);
  expect([one, other, silent].map((topic) => since.of(topic))).toEqual([3, 2, 0]);
  expect(offsets.since(offsets.last)!.of(one)).toBe(0);
});

test('nobody can count what came before a restart, what has not come, or what is long ago', () => {
  const offsets = new Offsets(10);
  const topic = offsets.addTopic();
  expect([offsets.since(9), offsets.since(11)]).toEqual([undefined, undefined]);
  expect(offsets.since(10)!.of(topic)).toBe(0);
  const slow = offsets.since(10)!;
  for (let count = 0; count < REMEMBERED; count++) offsets.next(topic);
  expect(offsets.since(10)!.of(topic)).toBe(REMEMBERED);
  offsets.next(topic);
  expect(offsets.since(10)).toBeUndefined();
  expect(slow.of(topic)).toBeUndefined();
  expect(offsets.since(11)!.of(topic)).toBe(REMEMBERED);
});

test('what raised a number by more than 1 is counted as so many, and another numbering makes it unknown', () => {
  const offsets = new Offsets();
  const [plain, jumps, restarted] = [offsets.addTopic(), offsets.addTopic(), offsets.addTopic()] as const;
  offsets.next(jumps);
  const since = offsets.since(1)!;
  offsets.next(jumps, 7);
  offsets.next(plain);
  offsets.next(jumps, 2 ** 40);
  offsets.next(jumps);
  offsets.next(restarted, NaN);
  offsets.next(restarted);
  expect([plain, jumps, restarted].map((topic) => since.of(topic))).toEqual([1, 2 ** 40 + 8, undefined]);
  expect(offsets.since(6)!.of(restarted)).toBe(1); // It is known what came in the new numbering.
});

test('a slot that is used again forgets by how much the number rose', () => {
  const offsets = new Offsets();
  const topic = offsets.addTopic();
  offsets.next(topic, 100);
  for (let count = 0; count < REMEMBERED; count++) offsets.next(topic);
  expect(offsets.since(1)!.of(topic)).toBe(REMEMBERED);
});

test('the number of a topic that is gone is given again', () => {
  const offsets = new Offsets();
  const [one, other] = [offsets.addTopic(), offsets.addTopic()];
  offsets.removeTopic(one);
  expect([offsets.addTopic(), offsets.addTopic()]).toEqual([one, other + 1]);
});
