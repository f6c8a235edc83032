import { describe, expect, test } from 'vitest';

import { parseNagios } from '../../src/sources/nagios.ts';
import { parseOutput } from '../../src/sources/output.ts';

describe('output becomes', () => {
  test.each([
    ['auto', '{"a":1}\n', { a: 1 }],
    ['auto', 'hello\n', 'hello'],
    ['auto', '1.50\n', 1.5],
    ['auto', '61e9540\n', '61e9540'],
    ['auto', '', ''],
    ['json', '[1, null]\n', [1, null]],
    ['text', '1.50\n', '1.50'],
    ['text', '{"a":1}', '{"a":1}'],
    ['text', 'a\nb\r\n', 'a\nb'],
    ['number', ' 007 \n', 7],
    ['number', '-1.5e3', -1500],
    ['number', '+.5', 0.5],
    ['lines', 'a\nb\r\n\nc\n', ['a', 'b', '', 'c']],
    ['lines', '', []],
    ['lines', '\n', ['']],
  ] as const)('%s: %j', (format, text, payload) => {
    expect(parseOutput(text, format)).toEqual(payload);
  });
});

describe('output that is none of its format fails', () => {
  test.each([
    ['json', 'hello', /^it is not JSON: /],
    ['json', '', /^it is not JSON: /],
    ['number', '', /^it is not a number: ""$/],
    ['number', '12 kB', /^it is not a number: "12 kB"$/],
    ['number', '1e999', /^it is not a number/],
    ['number', '12345678901234567890', /^it is not a number/],
    ['number', '[1]', /^it is not a number/],
    ['number', 'NaN', /^it is not a number/],
  ] as const)('%s: %j', (format, text, message) => {
    expect(() => parseOutput(text, format)).toThrow(message);
  });
});

describe('what a monitoring plugin prints', () => {
  test('is a state, a text and figures', () => {
    const output = "DISK OK - free space: / 3326 MB (56%);| /=2643MB;5948;5958;0;5968 'a b'=U;10:20\n";
    expect(parseNagios(0, output)).toEqual({
      status: 'OK',
      exit: 0,
      text: 'DISK OK - free space: / 3326 MB (56%);',
      perfdata: {
        '/': { value: 2643, unit: 'MB', warn: '5948', crit: '5958', min: 0, max: 5968 },
        'a b': { value: null, warn: '10:20' },
      },
    });
  });

  test('may have lines below, and more figures behind them', () => {
    const output = 'LOAD WARNING | load1=5.2;5;10\nprocesses:\na 40%\n| load5=4.1;5\nload15=3%\n';
    expect(parseNagios(1, output)).toMatchObject({
      status: 'WARNING',
      text: 'LOAD WARNING\nprocesses:\na 40%',
      perfdata: { load1: { value: 5.2 }, load5: { value: 4.1, warn: '5' }, load15: { value: 3, unit: '%' } },
    });
  });

  test.each([
    [2, 'CRITICAL'],
    [3, 'UNKNOWN'],
  ])('and ends with %i is %s', (exit, status) => {
    expect(parseNagios(exit, '')).toEqual({ status, exit, text: '', perfdata: {} });
  });

  test('may call a figure __proto__', () => {
    expect(Object.keys(parseNagios(0, 'x|__proto__=1').perfdata)).toEqual(['__proto__']);
  });
});
