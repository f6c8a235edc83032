import { describe, expect, test } from 'vitest';

import type { Message } from '../../src/client/api.ts';
import { compileWhere } from '../../src/cli/where.ts';

function message(topic: string, data: unknown, rest: Partial<Message> = {}): Message {
  return { topic, seq: 10, time: 1_795_450_476_742, data, missed: 0, instance: 'i', ...rest };
}

describe('an expression of --where', () => {
  test.each([
    ['load[0] > 4', 'host.load', [4.5], true],
    ['load[0] > 4', 'host.load', [5], true],
    ['load[0] > 4', 'host.load', [4], false],
    ['load[0] == 4', 'host.load', [4], true],
    ['load[0] * 2 + 1 >= 9', 'host.load', [4], true],
    ['1 - busy < 0.25', 'host.cpu', { busy: 0.8 }, true],
    ['busy > 0.9', 'host.cpu', { busy: 1 }, true],
    ['data / 2 == 2.5', 't', 5, true],
    ['data % 2 == 1', 't', 5, true],
    ['data % 2.5 == 0', 't', 5, true],
    ['seq % 10 == 0 && missed == 0 && time > 1', 't', 1, true],
    ['topic.startsWith("host.") && data == "up"', 'host.state', 'up', true],
    ['state in ["up", 1]', 'host.state', 'up', true],
    ['data["a-b"] == null', 't', { 'a-b': null }, true],
    ['has(data.x) && data.x > 1', 't', {}, false],
    ['disks.exists(d, d.used > 0.9)', 'host', { disks: [{ used: 0.5 }, { used: 0.95 }] }, true],
    ['data.matches("^err")', 't', 'error', true],
    ['timestamp(data) > timestamp("2026-01-01T00:00:00Z")', 't', '2026-02-01T00:00:00Z', true],
  ])('%s', (text, topic, data, expected) => {
    expect(compileWhere(text)(message(topic, data))).toBe(expected);
  });

  test('takes names of the message before fields of the payload, and these before the word of the topic', () => {
    const data = { topic: 'field', data: 'field', load: 'field' };
    const isTrue = (text: string): boolean => compileWhere(text)(message('host.load', data));
    expect(isTrue('topic == "host.load" && data.topic == "field" && data.data == "field"')).toBe(true);
    expect(isTrue('load == "field"')).toBe(true);
    expect(compileWhere('load.other == 1')(message('host.load', { other: 1 }))).toBe(true);
  });

  test.each([
    ['nope > 1', 1, 'Unknown variable: nope'],
    ['data.x > 1', {}, 'No such key: x'],
    ['data[3] > 1', [1], 'No such key: index out of bounds, index 3 >= size 1'],
    ['data > 1', 'text', 'no such overload: dyn<string> > int'],
    ['data > 1', [2], 'no such overload: dyn<list<double>> > int; for an element of a list, write load[0]'],
    ['data > 1', { a: 2 }, 'no such overload: dyn<map<string, double>> > int; for a field, write data.busy'],
    ['data', 1, 'the result is neither true nor false, but of type number'],
    // What JavaScript objects have is no field.
    ['constructor == 1', {}, 'Unknown variable: constructor'],
    ['data.constructor == 1', {}, 'No such key: constructor'],
    ['data.length > 1', [1, 2], 'No such key: length'],
  ])('cannot be evaluated: %s', (text, data, reason) => {
    expect(() => compileWhere(text)(message('t', data))).toThrow(new Error(reason));
  });

  test('takes a field of the name __proto__ for a field', () => {
    const data: unknown = JSON.parse('{"__proto__": {"admin": true}}');
    expect(compileWhere('data["__proto__"].admin')(message('t', data))).toBe(true);
    expect(() => compileWhere('admin')(message('t', data))).toThrow('Unknown variable: admin');
  });

  test.each([
    ['a regular expression that backtracks', 'data.matches("^(a+)+$")', `${'a'.repeat(40)}b`],
    ['nested loops', 'data.all(x, data.all(y, x + y > 0))', Array.from({ length: 50_000 }, () => 1)],
  ])('is ended after 1 s: %s', (_, text, data) => {
    const where = compileWhere(text);
    const begin = performance.now();
    expect(() => where(message('t', data))).toThrow('the evaluation takes longer than 1 s');
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(where(message('t', text.includes('matches') ? 'aaa' : [1, 2]))).toBe(true);
  });

  test.each([
    ['load[0] >', 'Unexpected token: EOF\n\n>    1 | load[0] >\n                  ^'],
    [
      'seq > 4 and missed > 3',
      "Unexpected character: 'd'\n\n>    1 | seq > 4 and missed > 3\n                 ^\nCEL writes && for and",
    ],
    ['load = 4', 'Unexpected character: =\n\n>    1 | load = 4\n              ^'],
    ['topic > 4', 'no such overload: string > int'],
    ['nope(1)', "found no matching overload for 'nope(int)'"],
    ['1 + 2', 'the result of 1 + 2 is of type int, but it must be true or false'],
    ['', 'Unexpected token: EOF'],
    [`${'('.repeat(300)}1${')'.repeat(300)}`, 'Exceeded maxDepth (250)'],
  ])('has a mistake, which is told with its place: %s', (text, what) => {
    expect(() => compileWhere(text)).toThrow(`mistake in --where: ${what}`);
  });
});
