import { describe, expect, test } from 'vitest';

import { parseJson, toJson } from '../../src/protocol/json.ts';

class Reading {
  celsius = 21.5;
}

describe('what JSON carries', () => {
  test.each([
    [null, 'null'],
    [[null, { a: null }], '[null,{"a":null}]'],
    [{ a: 1, b: undefined }, '{"a":1}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: () => 7 }, '7'],
    [new Reading(), '{"celsius":21.5}'],
    [-0, '0'],
  ])('%j', (value, json) => {
    expect(toJson(value)).toBe(json);
  });
});

describe('what JSON cannot carry is refused', () => {
  const circle: object[] = [];
  circle.push(circle);
  test.each<[unknown, RegExp]>([
    [undefined, /no value that JSON can represent/],
    [() => 1, /^the payload has a function, which/],
    [Number.NaN, /^the payload has NaN, which JSON cannot represent$/],
    [{ a: [{ price: Infinity }] }, /^the payload has Infinity at price, which JSON cannot represent$/],
    [[1, undefined], /undefined at 1/],
    [{ f() {} }, /a function at f/],
    [{ id: 10n }, /a bigint at id/],
    [{ at: new Date(Number.NaN) }, /an invalid date at at/],
    [new Map([[1, 2]]), /a Map/],
    [{ seen: new Set([1]) }, /a Set at seen/],
    [new Error('no'), /an Error/],
    [{ later: Promise.resolve(1) }, /a Promise at later/],
    [/x/, /a RegExp/],
    [new Uint8Array(2), /bytes \(encode them as base64/],
    [circle, /circular/],
  ])('%o', (value, message) => {
    expect(() => toJson(value)).toThrow(message);
  });
});

describe('a number', () => {
  test.each<[string, unknown]>([
    ['61e9540', '61e9540'],
    ['-1e999', '-1e999'],
    ['{"a":[1e999, 1]}', { a: ['1e999', 1] }],
    ['12345678901234567890', '12345678901234567890'],
    ['9007199254740993', '9007199254740993'],
    ['9007199254740991', 9007199254740991],
    ['1.50', 1.5],
    ['2.0', 2],
    ['1e300', 1e300],
    ['0.1234567890123456789', 0.12345678901234568],
    [
      '{"id":12345678901234567890,"t":"12345678901234567890"}',
      { id: '12345678901234567890', t: '12345678901234567890' },
    ],
  ])('of %s is what was written, or its text', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  test('is JSON, and what is not JSON is an error', () => {
    expect(() => parseJson('61e9540 or so')).toThrow(SyntaxError);
  });
});
