import { stripVTControlCharacters } from 'node:util';
import type { Key } from 'node:readline';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';

import { fit } from '../../src/cli/top/fit.ts';
import { renderOnce, renderScreen, rowsOf } from '../../src/cli/top/frame.ts';
import type { Shown } from '../../src/cli/top/frame.ts';
import { Model } from '../../src/cli/top/model.ts';
import { plainPaint } from '../../src/cli/top/paint.ts';
import type { Paint } from '../../src/cli/top/paint.ts';
import { TopView } from '../../src/cli/top/view.ts';
import { clientStatus, statusOf, topicStatus } from '../helpers/statuses.ts';

const NOW = 100_000;
const HOSTILE = '\u001b[2J\u009b31m\u202e日本語👩‍👩‍👧\t\r\n\u0007end';
const sizes = [
  [200, 50],
  [80, 24],
  [40, 10],
  [30, 6],
  [29, 24],
  [80, 5],
  [3, 1],
] as const;
const colour = (text: string): string => `\u001b[31m${text}\u001b[39m`;
const coloured: Paint = { dim: colour, name: colour, bad: colour, heading: colour, selected: colour };

function shownOf(model: Model, more: Partial<Shown> = {}): Shown {
  return {
    model,
    view: new TopView(),
    connection: { status: 'ready' },
    paint: plainPaint,
    now: NOW,
    ...more,
  };
}

function hostileModel(): Model {
  const model = new Model();
  const status = statusOf(
    [
      topicStatus('host.load', { lastSent: NOW - 2000, seq: 3, lateP99Ms: 1.5 }),
      topicStatus('raid', { lastError: HOSTILE, failures: 4 }),
      topicStatus('text'),
      ...Array.from({ length: 40 }, (_, index) => topicStatus(`t${index}`)),
    ],
    [clientStatus(1, { name: HOSTILE, skipped: 6 }), clientStatus(2)],
  );
  for (let value = 0; value < 4; value++) {
    for (const [topic, data] of [
      ['host.load', [value, 5]],
      ['text', { [HOSTILE]: HOSTILE, number: value }],
    ] as const)
      model.hear({ topic, data, seq: value, time: NOW, missed: 0, instance: 'abc' });
    model.update(status, NOW - 4000 + value * 1000);
  }
  return model;
}

/** Presses keys, each a text or the name of a key, on a screen of 80 × 24. */
function press(shown: Shown, ...keys: string[]): void {
  for (const name of keys) {
    const text = name.length === 1 ? name : undefined;
    shown.view.press(text, { name } as Key, rowsOf(shown, { columns: 80, rows: 24 }));
  }
}

const lineOf = (lines: string[], text: string): string => lines.find((line) => line.includes(text)) ?? '';

describe.each(sizes)('on %i × %i', (columns, rows) => {
  test.each([
    ['topics', []],
    ['clients', ['c']],
    ['a topic', ['end', 'return']],
    ['a topic that fails', ['j', 'return']],
    ['a client', ['c', 'return']],
    ['the help', ['?']],
    ['the filter', ['/', '日', '本', 'x']],
  ])('%s: no line is too wide, none too many, and none commands the terminal', (_, keys) => {
    const shown = shownOf(hostileModel());
    shown.view.topicOrder.by = 'failed';
    press(shown, ...keys);
    const lines = renderScreen(shown, { columns, rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    for (const line of lines) {
      expect(stringWidth(line), line).toBeLessThanOrEqual(columns);
      expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
    }
    const inColour = renderScreen({ ...shown, paint: coloured }, { columns, rows });
    expect(inColour.map(stripVTControlCharacters)).toEqual(lines);
  });
});

test('a terminal that is too small says so', () => {
  const lines = renderScreen(shownOf(hostileModel()), { columns: 29, rows: 24 });
  expect(lines[0]).toBe('Too small.');
});

test('the table has a row per topic, with rate, value, trend, age, lateness and failures', () => {
  const lines = renderScreen(shownOf(hostileModel()), { columns: 80, rows: 24 });
  expect(lines[0]).toBe('chimed 1.2.3 connected, up 5s, 64 MiB, 2 clients, 43 topics');
  expect(lines[1]).toMatch(/failing 1$/);
  expect(lineOf(lines, 'host.load')).toMatch(/^>host\.load +1s +0\/s \[3,5\] +▁▃▆█ +2s +1\.5ms +0$/);
  expect(lineOf(lines, 'raid')).toMatch(/^ raid +1s +0\/s failing: \\x1b\[2J/);
  expect(lines).toHaveLength(24);
});

test('wide characters take two columns, and a cell keeps its width', () => {
  expect(fit('日本語', 4)).toBe('日… ');
  expect(fit('日本語', 6)).toBe('日本語');
  expect(fit('👩‍👩‍👧x', 4)).toBe('👩‍👩‍👧x ');
  expect(fit('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
  expect(fit('12', 5, true)).toBe('   12');
  expect(fit('x', 0)).toBe('');
});

test('without a daemon the reason is shown, and values are marked as old', () => {
  const connection = { status: 'waiting', error: new Error('no \u001b[2J daemon') } as const;
  const lines = renderScreen(shownOf(hostileModel(), { connection }), { columns: 80, rows: 24 });
  expect(lines[0]).toBe('waiting for the daemon (values are 1s old): no \\x1b[2J daemon');
  expect(lineOf(lines, 'host.load')).toMatch(/\[3,5\] .* 2s old /);
  const empty = renderScreen(shownOf(new Model(), { connection }), { columns: 80, rows: 24 });
  expect(empty[0]).toBe('waiting for the daemon: no \\x1b[2J daemon');
});

test('the detail of a topic has each number with its trend, the payload and the error', () => {
  const shown = shownOf(hostileModel());
  press(shown, 'return');
  const load = renderScreen(shown, { columns: 80, rows: 40 });
  expect(lineOf(load, 'lateness')).toBe('lateness        half within -, 99 % within 1.5ms');
  expect(load.filter((line) => line.includes('▁▃▆█'))).toEqual([expect.stringMatching(/^0 +3 +0 +3 ▁▃▆█$/)]);
  expect(lineOf(load, '▁▁▁▁')).toMatch(/^1 +5 +5 +5 ▁▁▁▁$/);
  expect(load.join('\n')).toContain('[\n  3,\n  5\n]');
  press(shown, 'escape', 'j', 'return');
  expect(renderScreen(shown, { columns: 80, rows: 40 }).join('\n')).toMatch(/^failing\n {2}\\x1b\[2J/m);
});

test('the clients page shows what each client missed', () => {
  const shown = shownOf(hostileModel());
  press(shown, 'c');
  const lines = renderScreen(shown, { columns: 80, rows: 24 });
  expect(lineOf(lines, 'MISSED')).toMatch(/^ +ID NAME +PID +UID TOPICS +RATE +MISSED +PENDING +FOR$/);
  expect(lineOf(lines, 'x1b')).toMatch(/^> +1 .* 6 +0B/);
});

describe('keys', () => {
  test('select a row, which stays selected when the order changes', () => {
    const shown = shownOf(hostileModel());
    const selected = (): string => lineOf(renderScreen(shown, { columns: 80, rows: 24 }), '>');
    press(shown, 'down', 'j', 'up');
    expect(selected()).toMatch(/^>raid/);
    press(shown, 'r');
    expect(selected()).toMatch(/^>raid/);
    press(shown, 'home');
    expect(selected()).toMatch(/^>text/);
    press(shown, 'end', 'pageup');
    expect(selected()).not.toBe('');
    press(shown, 'pagedown', 'pagedown');
    expect(selected()).toMatch(/^>host\.load/);
  });

  test('sort by one column after the other, and reverse', () => {
    const shown = shownOf(hostileModel());
    const caption = (): string => renderScreen(shown, { columns: 80, rows: 24 })[2]!;
    expect(caption()).toBe('topics by name');
    press(shown, 's', 'r');
    expect(caption()).toBe('topics by rate, reversed');
    press(shown, 's', 's', 's', 's', 's');
    expect(caption()).toBe('topics by name');
    press(shown, 'c', 's');
    expect(caption()).toBe('clients by name');
  });

  test('type a filter, in which letters are letters, and Esc clears it', () => {
    const shown = shownOf(hostileModel());
    press(shown, '/', 'q', 'backspace', 'r', 'a');
    expect(renderScreen(shown, { columns: 80, rows: 24 }).at(-1)).toMatch(/^filter: ra█/);
    press(shown, 'return');
    const lines = renderScreen(shown, { columns: 80, rows: 24 });
    expect(lines[2]).toBe('topics by name, 1 of 43 contain "ra"');
    expect(lineOf(lines, '>')).toMatch(/^>raid/);
    press(shown, 'escape');
    expect(shown.view.filter).toBe('');
  });

  test('step back with Esc, and quit from the table', () => {
    const shown = shownOf(hostileModel());
    const rows = rowsOf(shown, { columns: 80, rows: 24 });
    press(shown, 'return');
    expect(shown.view.open).toBe('detail');
    expect(shown.view.press(undefined, { name: 'escape' } as Key, rows)).toBeUndefined();
    expect(shown.view.press(undefined, { name: 'escape' } as Key, rows)).toBe('quit');
    press(shown, '/');
    expect(shown.view.press('\u0003', { name: 'c', ctrl: true } as Key, rows), 'Ctrl-C').toBe('quit');
  });

  test('scroll a detail that is longer than the screen, no further than its end', () => {
    const shown = shownOf(hostileModel());
    press(shown, '?');
    const top = renderScreen(shown, { columns: 40, rows: 8 });
    press(shown, 'end');
    const end = renderScreen(shown, { columns: 40, rows: 8 });
    expect(end[6]).toMatch(/^q, Ctrl-C +quit$/);
    press(shown, 'home');
    expect(renderScreen(shown, { columns: 40, rows: 8 })).toEqual(top);
  });

  test('do nothing where there are no rows', () => {
    const shown = shownOf(new Model());
    press(shown, 'return', 'j', 'end', 'c', 'return', 'k');
    expect(shown.view.open).toBeUndefined();
  });
});

test('one frame for a pipe has all topics, errors in full, and all clients', () => {
  const lines = renderOnce(shownOf(hostileModel()), 100);
  expect(lines.filter((line) => /^(host|raid|text|t\d)/.test(line))).toHaveLength(44);
  expect(lineOf(lines, 'raid is failing')).toMatch(/^raid is failing: \\x1b\[2J.*end$/);
  expect(lines.join('\n')).toMatch(/^ +ID NAME .*\n +1 .*\n +2 client 2 /m);
});

test('topics that are left out are counted', () => {
  const model = new Model();
  model.update(statusOf([topicStatus('a')], [], { topicCount: 1501, clientCount: 7 }), NOW);
  const shown = shownOf(model);
  const caption = (): string => renderScreen(shown, { columns: 80, rows: 24 })[2]!;
  expect(caption()).toBe('topics by name, 1500 topics left out: name fewer topics');
  press(shown, 'c');
  expect(caption()).toBe('clients by id, 7 clients left out');
});
