import { describe, expect, test } from 'vitest';

import {
  printable,
  printableCell,
  printableJson,
  printableLine,
  printableLines,
} from '../../src/cli/printable.ts';

/** What each does to the terminal or to the reader's eyes, and how it is shown. */
const commands: [string, string, string][] = [
  ['clears the screen', '\u001b[2J', '\\x1b[2J'],
  ['does so in one character', '\u009b2J', '\\x9b2J'],
  ['begins a line', '\n', '\\x0a'],
  ['goes back in it', '\r', '\\x0d'],
  ['begins a line in Unicode', '\u2028', '\\u2028'],
  ['begins a paragraph', '\u2029', '\\u2029'],
  ['turns the direction', '\u202e', '\\u202e'],
  ['isolates a direction', '\u2066', '\\u2066'],
  ['marks a direction', '\u200f', '\\u200f'],
  ['marks Arabic', '\u061c', '\\u061c'],
];

describe.each(commands)('what %s', (_, character, shown) => {
  test('is shown and not obeyed', () => {
    expect(printable(`a${character}b`)).toBe(`a${shown}b`);
    expect(printableCell(`a${character}b`)).toBe(`a${shown}b`);
  });

  test('is the same in JSON, and commands nothing', () => {
    const value = { [`a${character}`]: [`${character}b`] };
    const json = printableJson(JSON.stringify(value, null, 2));
    expect(JSON.parse(json)).toEqual(value);
    expect(printable(json.replaceAll('\n', ''))).toBe(json.replaceAll('\n', ''));
  });
});

test('text of people stays as it is', () => {
  for (const text of ['día', 'שלום', '👩‍👩‍👧', 'a\tb', 'نص'])
    for (const show of [printable, printableLine, printableLines]) expect(show(text)).toBe(text);
});

test('lines stay lines where they may', () => {
  expect(printableLines('a\nb\u001b\n')).toBe('a\nb\\x1b\n');
});

test('the colours of a line that was made for the terminal stay', () => {
  expect(printableLine('\u001b[36mINFO\u001b[39m a\u009bb\u202e')).toBe(
    '\u001b[36mINFO\u001b[39m a\\x9bb\\u202e',
  );
});

test.each([
  ['dashboard', 'dashboard'],
  ['chimed listen', 'chimed listen'],
  ['x   4711  0', '"x   4711  0"'],
  [' x', '" x"'],
  ['-', '"-"'],
  ['', '""'],
  ['"x"', String.raw`"\"x\""`],
])('the name %j is one cell: %s', (name, cell) => {
  expect(printableCell(name)).toBe(cell);
});
