import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistakes.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

function failure(text: string, env: Record<string, string> = {}): ConfigError {
  writeFileSync(folder.file('chimed.yaml'), text);
  try {
    loadConfig(folder.file('chimed.yaml'), env);
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('the configuration was taken');
}

/** The mistakes in a configuration, each as `line path: message`. */
function mistakes(text: string, env?: Record<string, string>): string[] {
  const error = failure(text, env);
  expect(error).toBeInstanceOf(ConfigError);
  return error.mistakes.map(({ line, path, message }) => `${line} ${path.join('.')}: ${message}`);
}

describe('a setting is refused', () => {
  test.each([
    ['that is a list', 'log:\n  level: [debug]', 'log.level: expected one of debug, info'],
    ['that is no text', 'socket:\n  path: 5', 'socket.path: expected a path'],
    ['with digits that are not octal', 'socket:\n  mode: "0980"', 'socket.mode: expected an octal mode'],
    ['that is none at all', 'clients:\n  max: 0', 'clients.max: expected a whole number, 1 or more'],
    ['that is half a number', 'clients:\n  max: 1.5', 'clients.max: expected a whole number'],
    ['without a unit', 'clients:\n  frameBytes: 65536', 'clients.frameBytes: expected a size'],
    ['that is no time', 'shutdown:\n  timeout: 0s', 'shutdown.timeout: expected a duration'],
    ['longer than a timer', 'clients:\n  stallTimeout: 25d', 'clients.stallTimeout: expected a duration'],
    ['of a group that is not there', 'socket:\n  group: nosuch', 'socket.group: there is no group nosuch'],
    [
      'that getent would obey',
      'socket:\n  group: --help',
      'socket.group: "--help" cannot be the name of a group',
    ],
    ['that JavaScript has', 'log: {}\n__proto__: {}', '__proto__: unknown key'],
  ])('%s', (_, text, expected) => {
    expect(mistakes(text)).toEqual([expect.stringContaining(`2 ${expected}`)]);
  });

  test('together with a source that is missing', () => {
    expect(mistakes('topics:\n  t: { interval: 1 }')).toEqual([
      expect.stringMatching(/^2 topics.t.interval: expected a duration/),
      expect.stringMatching(/^2 topics.t: no source/),
    ]);
  });

  test('with its variable, and with no line of the file, if it comes from the environment', () => {
    const [mistake] = mistakes('log:\n  level: info', { CHIMED_LOG_LEVEL: 'loud' });
    expect(mistake).toMatch(/^undefined .*CHIMED_LOG_LEVEL/);
  });
});

describe('what is no YAML is named, and how to mend it', () => {
  test.each([
    ['a pattern without quotes', 'cron: */5 * * * *', 'a value that begins with * must be in quotes'],
    ['a group without quotes', 'access: {subscribe: [@ops]}', 'a value that begins with @ must be in quotes'],
    [
      'a command with a colon',
      'command: echo a: b',
      'put a value that contains a colon and a space in quotes',
    ],
    ['a command with a backquote', 'command: `date`', 'a value that begins with ` must be in quotes'],
    ['a format', 'command: %H', 'a value that begins with % must be in quotes'],
    ['a command that begins with quotes', 'command: "x" && y', 'put the whole value in quotes'],
    ['a quote within quotes', "command: 'it's'", 'inside single quotes, write a single quote twice'],
  ])('%s', (_, line, hint) => {
    const [mistake, ...others] = mistakes(`topics:\n  t:\n    ${line}\n    interval: 1s\n`);
    expect(mistake).toMatch(/^3 : not valid YAML: /);
    expect(mistake).toContain(`; ${hint}`);
    expect(others).toEqual([]);
  });

  test.each([
    ["a single quote in the file's last line", "a: 1\nb: 'x", 2, "'"],
    ['a single quote', "a: 1\nb:\n  c: 'x\n  d: 1\ne: 2\n", 3, "'"],
    ['a double quote before another text in quotes', 'a: "x\nb: "y"\n', 1, '"'],
    ['an escaped quote', 'a: "x\\"\nb: 1', 1, '"'],
    ['a quote in a list', 'a:\n  b: [x, "y, z]\n  c: 1\n', 2, '"'],
    ['a quote of several lines', 'a:\n  - "x\n    y\n\n    z\n  - 1\n', 2, '"'],
    ['a quote before a block of text', "a: 'x\nb: |\n  it's\n", 1, "'"],
    ['a quote at the end', "a: |\n  it's\n  'x\nb: 'x\n\n\n", 4, "'"],
    ['a key', "a:\n  'b: 1\nc: 1\n", 2, "'"],
  ])('%s that is never closed, at the line that opens it', (_, text, line, quote) => {
    const [mistake] = mistakes(text);
    expect(mistake).toBe(
      `${line} : not valid YAML: a value that begins with ${quote} must end with ${quote}`,
    );
  });

  test('text behind a quote that is closed is no open quote', () => {
    expect(mistakes("a: 'x\n  y' z\nb: 1")).toEqual([expect.stringMatching(/^2 : (?!.*must end with)/)]);
  });

  test('a bracket that is never closed is no quote', () => {
    expect(mistakes("a: |\n  'x\nb: ['y'\nc: 1")).toEqual(['4 : not valid YAML: deficient indentation']);
  });

  test('all at once, and not what follows from one', () => {
    const text = [
      'topics:',
      '  one:',
      '    cron: */5 * * * *',
      '    command: echo a: b',
      '  two: @x',
      '    interval: 1s',
      '  three:',
      '    command: [a',
    ];
    expect(mistakes(text.join('\n')).map((mistake) => mistake.split(' ')[0])).toEqual(['3', '4', '5', '8']);
  });

  test('as far as a person reads', () => {
    const text = Array.from({ length: 1000 }, (_, index) => `k${index}: @x`).join('\n');
    expect(mistakes(text)).toHaveLength(10);
  });
});

describe('a topic is refused', () => {
  test.each([
    ['an interval that says nothing', 'interval: , data: 1', 'interval: expected a duration'],
    [
      'an interval longer than any',
      `interval: ${'9'.repeat(200)}d, data: 1`,
      'interval: expected a duration',
    ],
    ['a pattern of four fields', 'cron: "* * * *", data: 1', 'cron: expected a cron pattern'],
    [
      'a month that there is not',
      'cron: "0 0 1 13 *", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": Invalid value for month: 13',
    ],
    [
      'a day that there is not',
      'cron: "0 0 32 * *", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": Invalid value for day: 32',
    ],
    [
      'a day 0',
      'cron: "0 0 0 * *", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": Invalid value for day: 0',
    ],
    [
      'an hour that there is not',
      'cron: "0 24 * * *", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": Invalid value for hour: 24',
    ],
    [
      'a pattern with a year',
      'cron: "0 0 0 1 1 * 2027", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": it has 7 fields, not five',
    ],
    [
      'cron that is an interval',
      'cron: "@every 5m", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": cron has no @every: `interval: 5m` ticks',
    ],
    [
      'cron that is the start',
      'cron: "@reboot", data: 1',
      'cron: expected a cron pattern such as "*/5 * * * *": cron has no time for @reboot',
    ],
    ['a topic of hours after minutes', 'interval: 5m1h, data: 1', 'interval: expected a duration'],
    ['a duration without a number', 'interval: m, data: 1', 'interval: expected a duration'],
    [
      'a format of what has none',
      'interval: 1s, data: 1, format: json',
      'format: format goes with command, stream, file or files',
    ],
    ['a state of a file', 'interval: 1s, file: a, format: nagios', 'format: nagios goes with command'],
    [
      'an environment of what has none',
      'interval: 1s, data: 1, env: {A: b}',
      'env: env goes with command, stream or module',
    ],
    ['a directory of what has none', 'interval: 1s, file: a, directory: b', 'directory: directory goes with'],
    ['a home', 'interval: 1s, file: ~/a', 'file: expected a path; a ~ is not expanded, but it is "~/a"'],
    [
      'a key in other letters',
      'interval: 1s, data: 1, onchange: true',
      'onchange: unknown key; did you mean onChange?',
    ],
    [
      'a group of a directory that is not there',
      "publish: true, access: {subscribe: ['@domain users']}",
      'access.subscribe: there is no group domain users on this machine',
    ],
    [
      'an account that is no text',
      'publish: true, access: {subscribe: [1.5]}',
      "access: expected lists of users and @groups, such as {subscribe: [alice, '@ops'], publish: [deploy]}, but subscribe is [1.5]",
    ],
    ['half of a text', 'interval: 1s, command: "a\\0b"', 'command: expected a list of arguments'],
    [
      'more than a client can send',
      'publish: true, maxBytes: 2MiB',
      'maxBytes: "2MiB" exceeds clients.frameBytes (1048576 bytes), the most that a client can send; lower it, or raise clients.frameBytes',
    ],
    [
      'no format',
      'interval: 1s, file: a, format: xml',
      'format: expected one of auto, json, text, number, lines, nagios',
    ],
    ['a pattern that is no text', 'cron: 5, data: 1', 'cron: expected a text'],
    ['align that is no switch', 'interval: 1s, align: yes, data: 1', 'align: expected true or false'],
    [
      'an argument that is no text',
      'interval: 1s, command: [ls, 5]',
      'command: expected a list of arguments',
    ],
    ['a file that is no text', 'interval: 1s, file: [a]', 'file: expected a path'],
    [
      'data that is no JSON',
      'interval: 1s, data: [.inf]',
      'data: expected any value that JSON can represent',
    ],
    [
      'data that is no number',
      'interval: 1s, data: .nan',
      'data: expected any value that JSON can represent, but it is NaN',
    ],
    ['a timeout without a unit', 'interval: 1s, data: 1, timeout: 5', 'timeout: expected a duration'],
    ['a timeout longer than a timer', 'interval: 1s, data: 1, timeout: 25d', 'timeout: expected a duration'],
    [
      'more than a client takes',
      'publish: true, maxBytes: 65MiB',
      'maxBytes: expected a size of at most 64MiB',
    ],
    ['a source that is misspelt', 'streams: [a]', 'streams: unknown key; did you mean stream?'],
    [
      'a schedule that is misspelt',
      'intervall: 1s, data: 1',
      'intervall: unknown key; did you mean interval?',
    ],
    ['a watch that is no switch', 'file: a, watch: yes', 'watch: expected true or false, but it is "yes"'],
    [
      'a pace without a schedule',
      'command: date, every: 5s',
      'every: every goes with stream or journal; use interval',
    ],
    [
      'a pace beside a schedule',
      'command: date, interval: 1s, every: 5s',
      'every: every goes with stream or journal',
    ],
    [
      'a key of a request',
      'url: "http://a", interval: 1s',
      'url: unknown key of a topic; it belongs in http, as in http: {url: …}',
    ],
    [
      'what a request expects',
      'expect: 200, interval: 1s',
      'expect: unknown key of a topic; it belongs in http',
    ],
    ['a unit of the journal', 'unit: nginx', 'unit: unknown key of a topic; it belongs in journal, as in'],
    [
      'a reading that is misspelt',
      'interval: 1s, host: disk',
      'host: expected one of load, memory, uptime, cpu, disks, files, io, network, pressure, os, processes, temperatures, time, units, but it is "disk"; did you mean disks?',
    ],
    ['an unknown unit', 'interval: 1s, data: 1, maxBytes: 1MB', 'maxBytes: expected a size'],
  ])('for %s', (_, topic, expected) => {
    const [mistake, ...others] = mistakes(`log: {}\n\ntopics:\n  t: { ${topic} }`);
    expect(mistake).toContain(`4 topics.t.${expected}`);
    // A value of the wrong kind may be told twice, but always as the same key's.
    for (const other of others) expect(other.split(':')[0]).toBe(mistake!.split(':')[0]);
  });

  test.each([
    ['a name with a digit first', 'env: {A: s3cret, 1B: s3cret}', "env.1B: a variable's name must consist"],
    [
      'a value that is a list',
      'env: {A: s3cret, B: [s3cret]}',
      'env.B: expected a number or a text in quotes',
    ],
    ['a switch', 'env: {A: s3cret, B: true}', 'env.B: expected a number or a text in quotes'],
    ['half of a text', 'env: {A: s3cret, B: "s3cret\\0"}', 'env.B: expected a number or a text in quotes'],
    ['a shell assignment', 'env: {A=s3cret}', 'env.A: expected NAME: value, but it is NAME=value'],
    ['a list', 'env: [A=s3cret]', 'env: expected variables and their values'],
    ['a text', 'env: A=s3cret', 'env: expected variables and their values'],
  ])('for %s in env, without showing a value', (_, env, expected) => {
    const error = failure(`topics:\n  t:\n    { interval: 1s, command: a, ${env} }`);
    expect(error.message).toContain(`chimed.yaml:3 topics.t.${expected}`);
    expect(error.message).not.toContain('s3cret');
    expect(error.mistakes).toHaveLength(1);
  });

  test.each([
    ['command: [curl, -H, s3cret, 5]', 'command: expected a list', 'argument 4 is a number'],
    ['data: {token: s3cret, rate: .nan}', 'data: expected any value', 'it contains .nan, .inf or -0'],
    ['data: 1, timeout: {TOKEN: s3cret}', 'timeout: expected a duration', 'it is a mapping'],
    ['data: 1, maxAge: {TOKEN: s3cret}', 'maxAge: expected a duration', 'it is a mapping'],
    ['data: 1, timezone: {TOKEN: s3cret}', 'timezone: expected a text', 'it is a mapping'],
    ['file: {TOKEN: s3cret}', 'file: expected a path', 'it is a mapping'],
    ['command: {TOKEN: s3cret}', 'command: expected a list', 'it is a mapping'],
    ['host: {TOKEN: s3cret}', 'host: expected one of', 'it is a mapping'],
    [
      'data: 1, access: {TOKEN: s3cret}',
      'access: expected lists',
      'TOKEN is none of subscribe, publish, provide',
    ],
  ])('for %s, without showing what can be secret', (keys, expected, fault) => {
    const { message } = failure(`topics: { t: { interval: 1s, ${keys} } }`);
    expect(message).toContain(`topics.t.${expected}`);
    expect(message).toContain(`, but ${fault}`);
    expect(message).not.toContain('s3cret');
  });

  test.each(['a*', '', 'x'.repeat(256), 'chimed.>'])('for the name %j, on its own line', (name) => {
    expect(mistakes(`topics:\n\n  "${name}": {publish: true}`)).toEqual([
      expect.stringContaining(`3 topics.${name}: invalid topic name; use words of`),
    ]);
  });

  test('if it is none', () => {
    const expected = '2 topics.t: expected a mapping with a schedule and a source';
    expect(mistakes('topics:\n  t: 5')).toEqual([expected]);
  });
});

test('a cron pattern without quotes is no YAML, and its line is named', () => {
  expect(mistakes('topics:\n  t:\n    cron: */5 * * * *')[0]).toMatch(/^3 : /);
});

test.each([
  ['to nothing', 'topics:\n  t: *nothing'],
  ['to themselves', 'topics: &t\n  t: {data: *t, interval: 1s}'],
  ['without end', ['a: &a [1]', 'b: &b [*a,*a,*a]', `c: [${'*b,'.repeat(99)}]`].join('\n')],
])('aliases that lead %s are mistakes too', (_, text) => {
  expect(mistakes(text)).toEqual([expect.stringContaining('alias')]);
});

test('all mistakes are told at once, in one message of a line each', () => {
  const error = failure('sokcet: {}\nlog:\n  level: loud\ntopics:\n  t: {interval: 1, data: 1}\n  a..b: {}');
  expect(error.code).toBe('bad-config');
  expect(error.mistakes.map(({ line }) => line)).toEqual([1, 3, 5, 6, 6, 6]);
  const [head, ...lines] = error.message.split('\n');
  expect(head).toBe(`${folder.file('chimed.yaml')} has 6 mistakes:`);
  expect(lines[1]).toMatch(/^ {2}chimed\.yaml:3 log\.level: expected one of .* but it is "loud"$/);
  expect(lines).toHaveLength(6);
});

test('a directory cannot be read', () => {
  const load = () => loadConfig(folder.path, {});
  expect(load).toThrow(
    expect.objectContaining({
      code: 'bad-config',
      message: expect.stringContaining(`${folder.path}: EISDIR`),
    }),
  );
});
