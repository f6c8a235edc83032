import { describe, expect, test } from 'vitest';

import { filterOf } from '../../src/gateway/page/pattern-filter.ts';
import { MOST_NUMBERS, plottedNumbers } from '../../src/gateway/page/plotted-numbers.ts';
import { MOST_POINTS, Points } from '../../src/gateway/page/points.ts';
import { MOST_FOLLOWED, TopicModel } from '../../src/gateway/page/topic-model.ts';
import { spanOfTime, oneLine } from '../../src/gateway/page/wording.ts';

const numbersOf = (points: Points, which = 0): (number | null)[] =>
  Array.from({ length: points.length }, (_, index) => points.number(which, index));

describe('points', () => {
  test('keep the last 600, in order', () => {
    const points = new Points();
    for (let index = 0; index < 1500; index += 1) points.push(index, [index, -index]);
    expect(points.length).toBe(MOST_POINTS);
    expect([points.time(0), points.time(MOST_POINTS - 1)]).toEqual([900, 1499]);
    expect([points.number(1, 0), points.number(1, MOST_POINTS - 1)]).toEqual([-900, -1499]);
  });

  test('have null where a number is unknown, and survive being copied', () => {
    const points = new Points();
    points.push(1, [5]);
    points.push(2, []);
    points.push(3, [6, 7]);
    const copy = Points.from(structuredClone(points.toTable()));
    for (const each of [points, copy]) {
      expect(numbersOf(each)).toEqual([5, null, 6]);
      expect(numbersOf(each, 1)).toEqual([null, null, 7]);
    }
  });
});

describe('the numbers of a payload', () => {
  test.each([
    [5, [['', 5]]],
    ['5', []],
    [null, []],
    [
      [1, 'two', 3],
      [
        ['0', 1],
        ['2', 3],
      ],
    ],
    [
      { a: 1, b: { c: 2, d: [3] } },
      [
        ['a', 1],
        ['b.c', 2],
        ['b.d.0', 3],
      ],
    ],
  ])('of %j', (payload, expected) => {
    const { numbers, more } = plottedNumbers(payload);
    expect(numbers.map(({ path, value }) => [path, value])).toEqual(expected);
    expect(more).toBe(false);
  });

  test('are bounded, however large the payload', () => {
    expect(plottedNumbers(Array.from({ length: 20 }, (_, index) => index))).toMatchObject({ more: true });
    expect(plottedNumbers(Array.from({ length: 20 }, () => 1)).numbers).toHaveLength(MOST_NUMBERS);
    expect(plottedNumbers([...Array.from({ length: 5000 }, () => 'x'), 1])).toEqual({
      numbers: [],
      more: true,
    });
  });
});

describe('the model', () => {
  const event = (name: string, data: object, id = 'i:1') =>
    ({ name, id, text: JSON.stringify(data) }) as Parameters<TopicModel['take']>[0];
  const message = (seq: number, data: unknown, id = `i:${seq}`, time = seq * 1000) =>
    event('message', { topic: 'a', seq, time, data }, id);
  const modelOf = (...events: Parameters<TopicModel['take']>[0][]): TopicModel => {
    const model = new TopicModel(
      () => {},
      () => {},
    );
    for (const each of events) model.take(each);
    return model;
  };

  test('has a gap where messages were missed, and counts them', () => {
    const { topics } = modelOf(message(1, 5), event('missed', { topic: 'a', missed: 3 }), message(5, 6));
    expect(numbersOf(topics.get('a')!.points)).toEqual([5, null, 6]);
    expect(topics.get('a')).toMatchObject({ missed: 3, uncounted: false });
  });

  test('has a gap in all topics if nobody knows what was missed', () => {
    const { topics } = modelOf(
      message(1, 5),
      event('missed', { missed: null }),
      message(1, 6, 'other:1', 9000),
    );
    expect(numbersOf(topics.get('a')!.points)).toEqual([5, null, 6]);
    expect(topics.get('a')).toMatchObject({ missed: 0, uncounted: true });
  });

  test('takes each message once, also after another tab leads', () => {
    const { topics } = modelOf(message(1, 5), message(2, 6), message(1, 5), message(2, 6), message(3, 7));
    expect(numbersOf(topics.get('a')!.points)).toEqual([5, 6, 7]);
  });

  test('takes a message with a lower number of a new numbering', () => {
    const { topics } = modelOf(message(9, 5), message(1, 6, 'other:1', 500));
    expect(topics.get('a')!.latest).toMatchObject({ seq: 1, payload: 6 });
  });

  test('begins new lines for a payload of another shape', () => {
    const { topics } = modelOf(message(1, { a: 1 }), message(2, { b: 2 }));
    expect(topics.get('a')!.paths).toEqual(['b']);
    expect(numbersOf(topics.get('a')!.points)).toEqual([2]);
  });

  test('fails until a message comes that is not stale', () => {
    const failing = event('failing', { topic: 'a', error: 'no disk', since: 1, failures: 1 });
    expect(modelOf(message(1, 5), failing).topics.get('a')!.failure).toEqual({ error: 'no disk', since: 1 });
    expect(modelOf(failing, message(2, 5)).topics.get('a')!.failure).toBeUndefined();
    const stale = event('message', { topic: 'a', seq: 2, time: 2, data: 5, stale: true }, 'i:2');
    expect(modelOf(failing, stale).topics.get('a')!.failure).toBeDefined();
    expect(modelOf(failing, event('recovered', { topic: 'a' })).topics.get('a')!.failure).toBeUndefined();
  });

  test('keeps only the beginning of a large payload', () => {
    const { latest } = modelOf(message(1, { text: 'x'.repeat(100_000) })).topics.get('a')!;
    expect(latest!.cutFrom).toBe(100_011);
    expect(String(latest!.payload)).toHaveLength(16_384);
  });

  test('follows a bounded number of topics', () => {
    let asked = 0;
    const model = new TopicModel(
      () => {},
      () => (asked += 1),
    );
    for (let index = 0; index < MOST_FOLLOWED + 5; index += 1)
      model.take(event('message', { topic: `t${index}`, seq: 1, time: 1, data: 1 }));
    expect(model.topics.size).toBe(MOST_FOLLOWED);
    expect(asked, 'asks for the list upon each new topic').toBe(MOST_FOLLOWED);
  });

  test('is the same in a tab that joins', () => {
    const model = modelOf(message(1, [1, 2]), event('missed', { topic: 'a', missed: 1 }), message(3, [3, 4]));
    const joined = modelOf();
    joined.restore(structuredClone(model.copy()));
    expect(joined.copy()).toEqual(model.copy());
    joined.take(message(3, [3, 4]));
    expect(joined.topics.get('a')!.points.length).toBe(3);
  });
});

test.each([
  ['', ['host.load', 'price']],
  ['host.>', ['host.load']],
  ['*', ['price']],
  ['LOAD', ['host.load']],
  ['load, pri', ['host.load', 'price']],
  ['nothing', []],
])('the filter %j passes %j', (typed, expected) => {
  expect(['host.load', 'price'].filter(filterOf(typed))).toEqual(expected);
});

test('texts are short and say what they show', () => {
  expect([0, 59_999, 60_000, 7_200_000, 2e8].map(spanOfTime)).toEqual(['0 s', '59 s', '1 min', '2 h', '2 d']);
  expect(oneLine({ a: [1, 2], b: {} }, 100)).toBe('{ "a": [1, 2], "b": {} }');
  expect(oneLine('a\nb\u202Ec\u0007', 100)).toBe('a ⏎ b\\u202ec\\u0007');
  expect(oneLine('x'.repeat(20), 5)).toBe('xxxxx…');
});
