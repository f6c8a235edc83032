import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { History, reconcile } from '../proof/history.ts';

const heard = (seq: number, missed = 0, instance = 'i') => ({ instance, topic: 't', seq, missed });

function violations(...messages: ReturnType<typeof heard>[]): string[] {
  const history = new History();
  for (const message of messages) history.hear(message);
  return history.violations;
}

/** A run of numbers with gaps that are all told: pairs of how many are missing, and the number after them. */
const honest = fc.array(fc.nat(3), { minLength: 3, maxLength: 50 }).map((gaps) => {
  let seq = 0;
  return gaps.map((missed, index) => heard((seq += missed + 1), index === 0 ? 0 : missed));
});

describe('a history that keeps the promises', () => {
  test('is accepted, whatever it leaves out and tells of', () => {
    fc.assert(
      fc.property(honest, (messages) => {
        expect(violations(...messages)).toEqual([]);
      }),
    );
  });

  test('may begin again with another instance', () => {
    expect(violations(heard(7), heard(8), heard(1, 0, 'j'), heard(2, 0, 'j'))).toEqual([]);
  });
});

describe('a history is refused', () => {
  const at = <T>(items: readonly T[], share: number): number => 1 + Math.floor(share * (items.length - 2));

  test.each([
    ['a message is left out', (all: Messages, index: number) => all.toSpliced(index, 1)],
    ['a message comes twice', (all: Messages, index: number) => all.toSpliced(index, 0, all[index]!)],
    [
      'two are exchanged',
      (all: Messages, index: number) => all.toSpliced(index, 2, all[index + 1]!, all[index]!),
    ],
    [
      'one gap too many is told of',
      (all: Messages, index: number) => all.with(index, { ...all[index]!, missed: all[index]!.missed + 1 }),
    ],
  ])('if %s', (_, spoil) => {
    fc.assert(
      fc.property(honest, fc.double({ min: 0, max: 0.99, noNaN: true }), (messages, share) => {
        expect(violations(...spoil(messages, at(messages, share)))).not.toEqual([]);
      }),
    );
  });

  test('if an instance comes back that was over', () => {
    expect(violations(heard(1), heard(1, 0, 'j'), heard(2))).toEqual(['t: instance i came back']);
  });
});

test('what clients missed must be what the daemon skipped, on all of their connections', () => {
  const daemon = [
    { id: 1, skipped: 3 },
    { id: 2, skipped: 0 },
    { id: 3, skipped: 4 },
  ];
  const sound = [
    { connections: [1, 3], missed: 7 },
    { connections: [2], missed: 0 },
  ];
  expect(reconcile(sound, daemon)).toEqual([]);
  const broken = [
    { connections: [1, 3], missed: 6 },
    { connections: [9], missed: 0 },
  ];
  expect(reconcile(broken, daemon)).toEqual([
    'client 1, 3 missed 6, but the daemon skipped 7',
    'client 9 missed 0, but the daemon skipped nothing: it does not know it',
  ]);
});

type Messages = ReturnType<typeof heard>[];
