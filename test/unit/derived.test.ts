import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { messageOf } from '../../src/errors.ts';
import { derivedSource } from '../../src/sources/derived/derived.ts';
import type { Derivation, TopicFollower } from '../../src/sources/derived/derived.ts';
import { parsePointer, valueAt } from '../../src/sources/derived/json-pointer.ts';
import { temporaryFolder } from '../helpers/folder.ts';

test.each([
  ['', { a: 1 }, { a: 1 }],
  ['/a', { a: 1 }, 1],
  ['/cores/1/busy', { cores: [{ busy: 0 }, { busy: 0.5 }] }, 0.5],
  ['/', { '': 'empty' }, 'empty'],
  ['/a~1b/c~0d', { 'a/b': { 'c~d': 3 } }, 3],
  ['/a', { a: null }, null],
  ['/b', { a: 1 }, undefined],
  ['/a/b', { a: 1 }, undefined],
  ['/length', [1, 2], undefined],
  ['/01', [1, 2], undefined],
  ['/constructor', {}, undefined],
])('the pointer %j leads in %j to %j', (pointer, payload, value) => {
  expect(valueAt(payload, parsePointer(pointer)!)).toEqual(value);
});

test.each(['a', 'a/b', '/a~', '/a~2'])('%j is no pointer', (text) => {
  expect(parsePointer(text)).toBeUndefined();
});

describe('the topic', () => {
  const said: unknown[] = [];
  let recoveries = 0;
  let followed: TopicFollower;
  let sleeping: AbortController;

  beforeEach(() => {
    vi.useFakeTimers();
    said.length = recoveries = 0;
    sleeping = new AbortController();
    return async () => {
      sleeping.abort();
      await vi.advanceTimersByTimeAsync(0);
      expect(vi.getTimerCount(), 'nothing is left of a topic that sleeps').toBe(0);
      vi.useRealTimers();
    };
  });

  /** Makes a topic of one called `a`, and says what it does. */
  function derive(derivation: Omit<Derivation, 'from'>, own?: string): void {
    const sink = {
      send: (payload: unknown) => said.push(payload),
      fail: (error: string) => said.push(`FAILS: ${error}`),
      recover: () => recoveries++,
      together: (work: () => void) => work(),
    };
    const source = derivedSource(
      { from: 'a', ...derivation },
      (_, follower) => (followed = follower),
      () => own,
    );
    void source.run(sleeping.signal, sink, { goesOn: false, since: Date.now() });
  }

  /** Messages, one each second. */
  function hear(...payloads: unknown[]): unknown[] {
    for (const payload of payloads) {
      followed.message(payload);
      vi.advanceTimersByTime(1000);
    }
    return said.splice(0);
  }

  test('takes a part of each payload', () => {
    derive({ pick: ['0'] });
    expect(hear([1, 2], ['x'], [null], [], { 0: 'y' })).toEqual([
      1,
      'x',
      null,
      'FAILS: a has nothing at /0; its payload is a list',
      'y',
    ]);
  });

  test.each([
    ['min', [1]],
    ['max', [9]],
    ['avg', [4]],
    ['last', [2]],
  ] as const)('takes the %s of each period', (reduction, result) => {
    derive({ take: { reduction, overMs: 3000 } });
    expect(hear(9, 1, 2)).toEqual(result);
    expect(hear(7)).toEqual([]);
    vi.advanceTimersByTime(2000);
    expect(hear(), 'each period has its own').toEqual([7]);
    vi.advanceTimersByTime(30_000);
    expect(hear(), 'nothing came, and nothing is sent').toEqual([]);
  });

  test('fails with what is no number, and goes on', () => {
    derive({ take: { reduction: 'avg', overMs: 3000 } });
    expect(hear(4, 'much', 6)).toEqual([
      'FAILS: avg needs a number, but the value is a text; set pick to a number in it',
      5,
    ]);
    derive({ when: { side: 'above', limit: 4 } });
    expect(hear({ busy: 1, states: {} })).toEqual([
      'FAILS: when needs a number, but the value is an object with busy, states; set pick to a number in it',
    ]);
  });

  test.each([
    { take: { reduction: 'max', overMs: 3000 } },
    { take: { reduction: 'last', overMs: 1000 }, when: { side: 'above', limit: 4 } },
    { pick: ['nope'] },
  ] as const)('with %j does not recover from one failure to the next', (derivation) => {
    derive(derivation);
    hear({ a: 1 }, { a: 2 }, { a: 3 });
    expect(recoveries).toBe(0);
  });

  test('recovers when the other one does, unless it fails by itself', () => {
    derive({ pick: ['x'] });
    followed.failing('no disk');
    followed.recovered();
    expect(recoveries).toBe(1);
    followed.failing('no disk');
    hear({ y: 1 });
    followed.recovered();
    expect(recoveries).toBe(1);
  });

  test('sends the latest message only if it is another than its own', () => {
    derive({ pick: ['v'] }, '{"a":1}');
    followed.latest({ v: { a: 1 } });
    expect(hear()).toEqual([]);
    followed.latest({ v: { a: 2 } });
    expect(hear()).toEqual([{ a: 2 }]);
    derive({ take: { reduction: 'max', overMs: 2000 } });
    followed.latest(9); // It may have counted in an earlier period.
    expect(hear(1, 2)).toEqual([2]);
  });

  test('rounds a mean', () => {
    derive({ take: { reduction: 'avg', overMs: 3000 } });
    expect(hear(0.1, 0.2, 0.3)).toEqual([0.2]);
  });

  test('says when a threshold is crossed, and nothing else', () => {
    derive({ when: { side: 'above', limit: 4 } });
    expect(hear(1, 2, 4, 4.5, 5, 3, 2, 9)).toEqual([
      { active: false, value: 1 },
      { active: true, value: 4.5 },
      { active: false, value: 3 },
      { active: true, value: 9 },
    ]);
  });

  test('waits until the value has been beyond it for long enough', () => {
    derive({ when: { side: 'below', limit: 0.5, forMs: 3000 } });
    expect(hear(0.1, 0.2, 0.6, 0.1, 0.2)).toEqual([{ active: false, value: 0.1 }]);
    vi.advanceTimersByTime(999);
    expect(hear()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(hear(), 'also if no other message comes').toEqual([{ active: true, value: 0.2 }]);
    expect(hear(0.3, 0.7)).toEqual([{ active: false, value: 0.7 }]);
  });

  test('does not count time in which the other topic failed', () => {
    derive({ when: { side: 'above', limit: 4, forMs: 3000 } });
    hear(9, 9);
    followed.failing('no disk');
    vi.advanceTimersByTime(10_000);
    expect(hear()).toEqual(['FAILS: a is failing: no disk']);
    expect(hear(9, 9)).toEqual([]);
    expect(hear(9, 9)).toEqual([{ active: true, value: 9 }]);
  });

  test('says no state twice that it has said before it slept for a moment', () => {
    derive({ when: { side: 'above', limit: 4, forMs: 3000 } }, '{"active":true,"value":5}');
    expect(hear(9, 9, 1)).toEqual([{ active: false, value: 1 }]);
    derive({ when: { side: 'above', limit: 4 } }, '"another payload, of another configuration"');
    expect(hear(9)).toEqual([{ active: true, value: 9 }]);
  });

  test('judges what is left of a period', () => {
    derive({ pick: ['x'], take: { reduction: 'max', overMs: 2000 }, when: { side: 'above', limit: 5 } });
    expect(hear({ x: 9 }, { x: 1 }, { x: 1 }, { x: 2 })).toEqual([
      { active: true, value: 9 },
      { active: false, value: 2 },
    ]);
  });
});

describe('the configuration', () => {
  /** The topics as they are read, or what is wrong with them. */
  function load(topics: object) {
    using folder = temporaryFolder();
    writeFileSync(folder.file('chimed.yaml'), JSON.stringify({ topics }));
    try {
      return loadConfig(folder.file('chimed.yaml'), {}).topics;
    } catch (error) {
      return messageOf(error)
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/^ *\S+:\d+ topics\./, ''));
    }
  }
  const a = { interval: '1s', data: 1 };

  test('has a topic behind the one that it is made of, and open to those who may hear that one', () => {
    const access = { subscribe: ['root'] };
    const topics = load({
      c: { from: 'b', when: 'above -4.5e1 for 1m30s' },
      b: { from: 'a', pick: '/x~1y/0', take: 'avg over 1m' },
      a: { ...a, access },
      open: { from: 'a', access: { subscribe: ['daemon'] } },
    });
    expect(topics).toMatchObject([
      { name: 'a', access: { subscribe: { uids: [0] } } },
      {
        name: 'b',
        source: { pick: ['x/y', '0'], take: { reduction: 'avg', overMs: 60_000 } },
        access: { subscribe: { uids: [0] } },
      },
      {
        name: 'c',
        source: { when: { side: 'above', limit: -45, forMs: 90_000 } },
        access: { subscribe: { uids: [0] } },
      },
      { name: 'open', access: { subscribe: { uids: [1] } } },
    ]);
  });

  test.each([
    [{ b: { from: 'nosuch' } }, 'b.from: there is no topic nosuch in this configuration'],
    [{ base: a, b: { from: 'bas' } }, 'configuration; did you mean base?'],
    [{ b: { from: 'b' } }, 'b.from: a cycle: b from b'],
    [{ b: { from: 'c' }, c: { from: 'b' } }, 'b.from: a cycle: b from c from b'],
    [
      { b: { from: 'r.>' }, 'r.>': { provide: true } },
      'b.from: expected the name of one topic, but it is "r.>"',
    ],
    [
      { b: { from: 'sensors.door' }, 'sensors.>': { provide: true } },
      'b.from: sensors.door is a topic of sensors.>; from needs a topic that is configured by its own name',
    ],
    [{ b: { from: 'remote.web1.load' } }, 'b.from: remote.web1.load is a topic of remote.>; from needs'],
    [{ a, b: { from: 'a', timeout: '5s' } }, 'b.timeout: timeout does not go with from: it takes no sample'],
    [{ a, b: { from: 'a', interval: '1s' } }, 'b.interval: interval does not go with from'],
    [{ a, b: { from: 'a', pick: 'x' } }, 'b.pick: expected a JSON pointer, such as /0'],
    [
      { a, b: { from: 'a', take: 'sum over 1m' } },
      'b.take: expected one of min, max, avg, last and a period, such as avg over 1m, but sum is none of min, max, avg, last',
    ],
    [
      {
        a,
        ...Object.fromEntries(
          Array.from({ length: 11 }, (_, index) => [`t${index}`, { from: index ? `t${index - 1}` : 'a' }]),
        ),
      },
      't10.from: it is the end of a chain of more than 10 derived topics',
    ],
    [{ a, b: { from: 'a', take: 'avg over 1' } }, ', but 1 has no unit; write 1s'],
    [{ a, b: { from: 'a', take: 'avg over 1ms' } }, ', but 1ms is not between 10ms and 24d'],
    [{ a, b: { from: 'a', take: 'avg 1m' } }, ', but it is "avg 1m"'],
    [{ a, b: { from: 'a', take: { token: 1 } } }, ', but it is a mapping'],
    [
      { a, b: { from: 'a', when: 'above x' } },
      'b.when: expected a condition, such as above 4, or below 0.5 for 30s, but x is not a plain number',
    ],
    [{ a, b: { from: 'a', when: 'above 5GiB' } }, ', but 5GiB is not a plain number, such as 4 or 0.5'],
    [{ a, b: { from: 'a', when: 'below 1,5 for 1m' } }, ', but 1,5 is not a plain number, such as 4 or 0.5'],
    [{ a, b: { from: 'a', when: 'above 1e999' } }, ', but 1e999 is not a plain number'],
    [{ a, b: { from: 'a', when: 'above 4 for 30' } }, ', but 30 has no unit; write 30s'],
    [{ a, b: { from: 'a', when: 'above 4 for ever' } }, ', but ever is not a duration, such as 30s or 5m'],
    [{ a, b: { from: 'a', when: '> 4' } }, ', but it begins with >; write above instead'],
    [{ a, b: { from: 'a', when: '<=4' } }, ', but it begins with <=; write above or below instead'],
    [{ a, b: { from: 'a', when: 'over 4' } }, ', but it is "over 4"'],
    [{ a, b: { from: 'a', when: 4 } }, ', but it is 4'],
    [{ a: { ...a, when: 'above 4' } }, 'a.when: when goes with from'],
    [{ a, b: { from: 'a', first: 'sample' } }, 'b.first: a topic of a from'],
  ])('%j has a mistake', (topics, mistake) => {
    expect(load(topics)).toContainEqual(expect.stringContaining(mistake));
  });
});
