import { describe, expect, test } from 'vitest';

import { FleetHistory } from './fleet-history.ts';

const TOPIC = 'remote.web1.t';

/** What an honest listener hears of ten messages, of which the fourth and the fifth are lost on the way. */
const honest = [1, 2, 3, 6, 7, 8, 9, 10].map((seq) => ({
  topic: TOPIC,
  instance: 'i',
  seq,
  missed: seq === 6 ? 2 : 0,
}));

function judge(heard: typeof honest, numbered = 10): FleetHistory & { isOver: boolean } {
  const history = new FleetHistory();
  for (let seq = 1; seq <= numbered; seq++) history.number(TOPIC, 'i', seq);
  const ear = history.listen('ear');
  for (const message of heard) ear.hear(message);
  return Object.assign(history, { isOver: history.isCaughtUp(ear) });
}

test('a gap that is told to the unit is accepted', () => {
  const history = judge(honest);
  expect(history.verdict()).toEqual([]);
  expect(history.isOver).toBe(true);
  expect(history.count).toBe(10);
});

test('a listener that joins late has missed nothing', () => {
  expect(judge(honest.slice(4)).verdict()).toEqual([]);
});

test('a listener that has not heard the latest message is not caught up', () => {
  expect(judge(honest, 11).isOver).toBe(false);
});

describe('a fault is found', () => {
  const at = (index: number, change: Partial<(typeof honest)[number]>) =>
    honest.with(index, { ...honest[index]!, ...change });

  test.each([
    ['a gap is not told', at(3, { missed: 0 })],
    ['one message too few is told', at(3, { missed: 1 })],
    ['one message too many is told', at(3, { missed: 3 })],
    ['a message comes twice', honest.toSpliced(2, 0, honest[2]!)],
    ['two messages are exchanged', honest.toSpliced(4, 2, honest[5]!, honest[4]!)],
    ['a message was never numbered', [...honest, { ...honest[7]!, seq: 11 }]],
    ['a message has the name of another topic', at(7, { topic: 'remote.web2.t' })],
    ['a message has another numbering', at(7, { instance: 'forged', seq: 1 })],
  ])('%s', (_, heard) => {
    expect(judge(heard).verdict()).not.toEqual([]);
  });

  test('the record of the origin has a gap', () => {
    const history = judge(honest);
    history.number(TOPIC, 'i', 12);
    expect(history.verdict()).toEqual([
      'the record of the origin of remote.web1.t is incomplete: #12 after #10',
    ]);
  });
});
