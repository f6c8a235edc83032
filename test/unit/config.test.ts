import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { findConfig, loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { sourceKeys } from '../../src/config/schema.ts';
import { needingRestart } from '../../src/daemon/restart-only.ts';
import { ConfigError } from '../../src/config/mistakes.ts';
import { machineTimezone } from '../../src/timezone.ts';
import { temporaryFolder } from '../helpers/folder.ts';

/** Loads a configuration file with this text. */
function load(text: string, env: Record<string, string> = {}): Config {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  writeFileSync(file, text);
  return loadConfig(file, { CHIMED_SOCKET_PATH: '/run/s', ...env });
}

/** The mistakes in it, as `line path: message`. */
function mistakes(text: string, env?: Record<string, string>): string[] {
  try {
    load(text, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ line, path, message }) => `${line ?? '-'} ${path.join('.')}: ${message}`);
  }
  return [];
}

/** A topic with these lines. */
const topic = (...lines: string[]): string =>
  ['topics:', '  t:', ...lines.map((line) => `    ${line}`)].join('\n');

describe('a topic with a mistake is named with its line, its path and what was expected:', () => {
  test.each([
    [
      'an unknown key',
      ['interval: 1s', 'data: 1', 'intervall: 2s'],
      /^5 topics.t.intervall: unknown key; did you mean interval\?/,
    ],
    [
      'a wrong type',
      ['interval: [1s]', 'data: 1'],
      /^3 topics.t.interval: expected a duration of at least 10ms, .* but it is \["1s"\]$/,
    ],
    ['a number without a unit', ['interval: 1', 'data: 1'], /^3 topics.t.interval: expected a duration/],
    ['no interval at all', ['interval: 0', 'data: 1'], /^3 topics.t.interval: expected a duration/],
    [
      'an interval that is too short',
      ['interval: 5ms', 'data: 1'],
      /^3 topics.t.interval: expected a duration of at least 10ms/,
    ],
    [
      'a duration that goes backwards',
      ['interval: -1s', 'data: 1'],
      /^3 topics.t.interval: expected a duration/,
    ],
    [
      'two sources',
      ['interval: 1s', 'data: 1', 'host: load'],
      /^2 topics.t: two sources, data and host; a topic has one$/,
    ],
    ['no source', ['interval: 1s'], /^2 topics.t: no source; expected one of data, command, /],
    [
      'both schedules',
      ['interval: 1s', 'cron: "* * * * *"', 'data: 1'],
      /^2 topics.t: two schedules, interval and cron; a topic has one$/,
    ],
    ['no schedule', ['data: 1'], /^2 topics.t: no schedule; expected interval or cron$/],
    [
      'a cron pattern that is none',
      ['cron: often', 'data: 1'],
      /^3 topics.t.cron: expected a cron pattern such as/,
    ],
    [
      'a cron pattern that never matches',
      ['cron: "0 0 30 2 *"', 'data: 1'],
      /^3 topics.t.cron: .*it never matches a date$/,
    ],
    [
      'a time zone that is none',
      ['cron: "* * * * *"', 'timezone: Europe/Atlantis', 'data: 1'],
      /^4 topics.t.timezone: expected a time zone/,
    ],
    [
      'a time zone without cron',
      ['interval: 1s', 'timezone: UTC', 'data: 1'],
      /^4 topics.t.timezone: timezone goes with cron or align$/,
    ],
    [
      'align without an interval',
      ['cron: "* * * * *"', 'align: true', 'data: 1'],
      /^4 topics.t.align: align goes with interval$/,
    ],
    [
      'an unknown reading',
      ['interval: 1s', 'host: weather'],
      /^4 topics.t.host: expected one of load, memory, uptime, cpu/,
    ],
    [
      'an empty command',
      ['interval: 1s', 'command: []'],
      /^4 topics.t.command: expected a list of arguments/,
    ],
    [
      'publish that is not true',
      ['publish: maybe'],
      /^3 topics.t.publish: expected true, but it is "maybe"$/,
    ],
    [
      'a history below nothing',
      ['interval: 1s', 'data: 1', 'history: -1'],
      /^5 topics.t.history: expected a whole number, 0 or more/,
    ],
  ])('%s', (_, lines, expected) => {
    expect(mistakes(topic(...lines))).toEqual([expect.stringMatching(expected)]);
  });

  test('a sample that nobody can take', () => {
    expect(mistakes(topic('publish: true', 'first: sample'))).toEqual([
      expect.stringMatching(/^4 topics.t.first: a topic that clients publish to has no source/),
    ]);
    expect(mistakes(topic('interval: 1s', 'data: 1', 'first: now'))).toEqual([
      expect.stringMatching(/topics.t.first: expected one of sample, last, none, but it is "now"$/),
    ]);
  });

  test.each(['chimed.x', 'chimed', 'a..b', 'a b', 'é'])('the name %s', (name) => {
    expect(mistakes(`topics:\n  ${name}: { interval: 1s, data: 1 }`)).toEqual([
      expect.stringMatching(/^2 topics\..*: invalid topic name/),
    ]);
  });

  test.each(['error', 'data', '__proto__', 'constructor'])('the name %s', (name) => {
    expect(mistakes(`topics:\n  ${name}: { interval: 1s, data: 1 }`)).toEqual([
      expect.stringMatching(/^2 topics\..*: this name is reserved/),
    ]);
  });

  test.each(['topics: 5', 'topics: [a]'])('%s', (text) => {
    expect(mistakes(text)).toEqual(['1 topics: expected a mapping of topic names to topics']);
  });
});

describe('a setting with a mistake is named likewise:', () => {
  test.each([
    [
      'colour: red',
      /^1 colour: unknown key; expected one of socket, clients, log, history, state, web, nats, shutdown, topics$/,
    ],
    ['log: { colour: red }', /^1 log.colour: unknown key; expected one of level, format$/],
    [
      'log: { level: loud }',
      /^1 log.level: expected one of debug, info, warn, error, silent, but it is "loud"$/,
    ],
    ['log: { level: { a: { b: 1 } } }', /^1 log.level: expected one value, but it is a mapping$/],
    ['log: loud', /^1 log: expected a mapping with level, format$/],
    [
      'socket: { mode: 0660 }',
      /^1 socket.mode: expected an octal mode in quotes, such as '0660', but it is 660$/,
    ],
    ['clients: { pendingBytes: 1KiB }', /^1 clients.pendingBytes: expected a size of at least 64KiB/],
    ['clients: { max: many }', /^1 clients.max: expected a whole number, 1 or more/],
    ['shutdown: { timeout: 5 }', /^1 shutdown.timeout: expected a duration of at most 24d, such as/],
  ])('%s', (text, expected) => {
    expect(mistakes(text)).toEqual([expect.stringMatching(expected)]);
  });

  test('in the environment', () => {
    expect(mistakes('', { CHIMED_LOG_LEVEL: 'loud' })).toEqual([
      expect.stringMatching(/log.level: expected one of/),
    ]);
    expect(mistakes('', { CHIMED_CLIENTS_MAX: '10x' })).toEqual([
      expect.stringMatching(/clients.max: expected a whole number/),
    ]);
  });
});

test('all mistakes are told at once', () => {
  expect(
    mistakes('colour: red\nlog: { level: loud }\ntopics:\n  a: {}\n  b: { interval: 0, data: 1 }\n'),
  ).toHaveLength(5);
});

test.each(['topics: [', 'a: b: c', '\tx: 1', 'a: 1\na: 2'])(
  '%j is not YAML, and the line is named',
  (text) => {
    expect(mistakes(text).length).toBeGreaterThan(0);
    expect(mistakes(text)[0]).toMatch(/^\d+ : /);
  },
);

test.each(['- a', 'just text'])('%j is no configuration', (text) => {
  expect(mistakes(text)).toEqual(['- : expected a mapping with topics']);
});

test('a file that cannot be read is one sentence', () => {
  expect(() => loadConfig('/nowhere/chimed.yaml')).toThrow(
    expect.objectContaining({
      code: 'bad-config',
      message: expect.stringMatching(/^the configuration cannot be read: ENOENT/),
    }),
  );
});

describe('what is right', () => {
  test('has the defaults that are not set', () => {
    expect(load('')).toMatchObject({
      socket: { path: '/run/s', mode: 0o600, backlog: 4096 },
      clients: { max: 10_000, pendingBytes: 1024 ** 2, stallTimeoutMs: 30_000 },
      topics: [],
    });
  });

  test('is resolved', () => {
    const config = load(`
log: { level: warn }
socket: { mode: '0660', group: root }
clients: { max: 5, pendingBytes: 1.5MiB, stallTimeout: 2m }
topics:
  host.load: { interval: 1.5s, align: true, host: load, onChange: true }
  noon: { cron: 0 12 * * *, timezone: Europe/Berlin, command: [date], timeout: 1s, maxBytes: 2KiB }
  price: { publish: true, history: 9, metrics: true }
  nothing: { interval: 1h, data: null, always: true }`);
    expect(config).toMatchObject({
      log: { level: 'warn' },
      socket: { mode: 0o660, group: 'root' },
      clients: { max: 5, pendingBytes: 1.5 * 1024 ** 2, stallTimeoutMs: 120_000 },
    });
    const rest = {
      first: 'last',
      access: {},
      timeoutMs: 10_000,
      maxBytes: 1024 ** 2,
      onChange: false,
      metrics: false,
      always: false,
      history: 0,
      historyBytes: 4 * 1024 * 1024,
    };
    expect(config.topics).toEqual([
      {
        ...rest,
        name: 'host.load',
        schedule: { kind: 'interval', intervalMs: 1500, align: true, timezone: machineTimezone() },
        source: { kind: 'host', host: 'load' },
        onChange: true,
      },
      {
        ...rest,
        name: 'noon',
        schedule: { kind: 'cron', pattern: '0 12 * * *', timezone: 'Europe/Berlin' },
        source: { kind: 'command', command: ['date'] },
        timeoutMs: 1000,
        maxBytes: 2048,
      },
      { ...rest, name: 'price', source: { kind: 'publish' }, history: 9, metrics: true },
      {
        ...rest,
        name: 'nothing',
        schedule: { kind: 'interval', intervalMs: 3_600_000, align: false },
        source: { kind: 'data', data: null },
        first: 'sample',
        always: true,
      },
    ]);
  });

  test('has a part for the gateway', () => {
    const config = load(
      `
socket: { path: /run/chimed/chimed.sock }
web:
  address: '[::1]:8080'
  tokenFile: secrets/token
  hosts: ' metrics.example  example '
  user: '4242'
  mode: '0660'
  maxConnections: 7`,
      { CHIMED_SOCKET_PATH: '' },
    );
    expect(config.web).toEqual({
      socket: '/run/chimed/web.sock',
      mode: 0o660,
      address: { host: '::1', port: 8080 },
      tokenFile: join(config.directory, 'secrets/token'),
      hosts: ['metrics.example', 'example'],
      uid: 4242,
      maxConnections: 7,
    });
    const other = load('web: { socket: a/web.sock }', { CHIMED_WEB_SOCKET: '/run/other.sock' });
    expect(other.web.socket).toBe('/run/other.sock');
  });

  test('is overruled by the environment', () => {
    const env = {
      CHIMED_LOG_LEVEL: 'debug',
      CHIMED_CLIENTS_MAX: '7',
      STATE_DIRECTORY: '/var/lib/chimed:/other',
    };
    expect(load('log: { level: warn }\nclients: { max: 5 }', env)).toMatchObject({
      log: { level: 'debug' },
      clients: { max: 7 },
      state: { file: '/var/lib/chimed/state.json' },
    });
  });

  test('is frozen all the way down', () => {
    const config = load('topics:\n  t: { interval: 1s, data: { a: [1] } }');
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(config)).toBe(true);
  });

  test('is what we ship', () => {
    const config = loadConfig(join(import.meta.dirname, '../../config/chimed.yaml'));
    expect(config.topics.map(({ name }) => name)).toEqual([
      'message',
      'host.load',
      'host.memory',
      'disk.root',
      'kernel.files',
    ]);
  });
});

test('the file is the one that is named, then the one of the environment', () => {
  expect(findConfig('/a/b.yaml', { CHIMED_CONFIG: '/c.yaml' })).toBe('/a/b.yaml');
  expect(findConfig(undefined, { CHIMED_CONFIG: '/c.yaml' })).toBe('/c.yaml');
  expect(findConfig(undefined, {})).toMatch(/chimed\.yaml$/);
});

describe('web', () => {
  test.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['127.8.9.1:1', { host: '127.8.9.1', port: 1 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:0', { host: '::1', port: 0 }],
  ])('address may be %s', (address, parsed) => {
    expect(load(`web: { address: '${address}' }`).web.address).toEqual(parsed);
  });

  test.each([
    '0.0.0.0:8080',
    '127.0.0.1',
    '127.0.0.256:80',
    '127.0.0.1:65536',
    '127.0.0.1:8080/',
    '128.0.0.1:80',
    '::1:8080',
    '[::]:8080',
    '[::1]',
    'localhost.example:80',
    'example:80',
    ':8080',
    'localhost:-1',
    '',
  ])('address may not be %j, which other machines could reach or nobody', (address) => {
    expect(mistakes(`\nweb:\n  address: ${JSON.stringify(address)}`)).toEqual([
      expect.stringMatching(/^3 web.address: expected a loopback address and a port, such as 127.0.0.1:8080/),
    ]);
  });

  test('user need not exist, unless the file names one', () => {
    expect(mistakes('web: { mode: "0660" }')).toEqual([]);
    expect(mistakes('web:\n  mode: "0660"\n  user: nobody-of-that-name')).toEqual([
      '3 web.user: there is no user nobody-of-that-name on this machine',
    ]);
    expect(mistakes('web:\n  user: "-x"')).toEqual(['2 web.user: "-x" cannot be the name of a user']);
    expect(mistakes('web:\n  user: 5')).toEqual([expect.stringMatching(/^2 web.user: expected a text/)]);
    expect(load('web: { user: root }').web.uid).toBe(0);
    expect(load('web: { user: "77" }').web.uid).toBe(77);
  });

  test.each([
    ['mode: 432', /^2 web.mode: expected an octal mode/],
    ['hosts: [a, b]', /^2 web.hosts: expected a text/],
    ['maxConnections: 0', /^2 web.maxConnections: expected a whole number, 1 or more/],
    ['tokenFile: ~/token', /^2 web.tokenFile: expected a path/],
    ['adress: localhost:80', /^2 web.adress: unknown key; did you mean address\?/],
  ])('%s is a mistake', (line, message) => {
    expect(mistakes(`web:\n  ${line}`)).toEqual([expect.stringMatching(message)]);
  });

  test('changes of it do not restart the daemon, which goes by the uid alone', () => {
    const before = load('');
    const web = load('web: { address: localhost:80, user: root, socket: /x/web.sock, mode: "0666" }').web;
    expect(needingRestart(before, { ...before, web })).toEqual([]);
    expect(needingRestart(before, { ...before, socket: { ...before.socket, mode: 0o666 } })).toEqual([
      'socket',
    ]);
  });
});

describe('nats', () => {
  test('has its defaults', () => {
    const { nats } = load('nats: { servers: nats.example, user: root }');
    expect(nats).toEqual({
      servers: ['nats.example'],
      machine: hostname().replace(/\..*/, ''),
      prefix: 'chimed',
      export: [],
      import: [],
      uid: 0,
    });
    expect(load('topics: {}').nats).toBeUndefined();
    expect(load('nats:').nats).toBeUndefined();
  });

  test('is resolved', () => {
    const { nats, directory } = load(`
nats:
  servers: [nats://a.example:4222, b-1, c.example:4223]
  name: web1
  prefix: site.a
  credentials: web1.creds
  tls: { ca: ca.pem, cert: /etc/cert.pem, key: /etc/key.pem }
  export: host.>
  import:
    - { from: 'web*', topics: host.> }
    - { from: [db1, db2], topics: ['*.load', price] }
  stream: FLEET
  user: '4242'`);
    expect(nats).toEqual({
      servers: ['nats://a.example:4222', 'b-1', 'c.example:4223'],
      machine: 'web1',
      prefix: 'site.a',
      credentials: join(directory, 'web1.creds'),
      tls: { ca: join(directory, 'ca.pem'), cert: '/etc/cert.pem', key: '/etc/key.pem' },
      export: ['host.>'],
      import: [
        { from: 'web*', topics: ['host.>'] },
        { from: 'db1', topics: ['*.load', 'price'] },
        { from: 'db2', topics: ['*.load', 'price'] },
      ],
      stream: 'FLEET',
      uid: 4242,
    });
  });

  test.each(['10.0.0.1', '127.0.0.1:4222', 'nats://[::1]:4223', '[fe80::1]'])(
    'can have the server %s',
    (server) => {
      expect(load(`nats: { servers: '${server}', user: root }`).nats!.servers).toEqual([server]);
    },
  );

  test('needs TLS if a server is named by tls://', () => {
    expect(load('nats: { servers: [tls://a.example, b.example], user: root }').nats).toMatchObject({
      tls: {},
    });
  });

  test.each([
    ['servers: []', /^1 nats.servers: expected HOST, HOST:PORT, .*, but it is an empty list$/],
    ['servers: [a, http://b]', /^1 nats.servers: .* but server 2 is "http:\/\/b"$/],
    ['servers: nats://a:99999', /^1 nats.servers: .* but it is "nats:\/\/a:99999"$/],
    [
      'servers: nats://me:secret@a',
      /^1 nats.servers: (?!.*secret@).* it contains a user, a password or a token; they belong in nats.credentials/,
    ],
    [
      'servers: tls://10.0.0.1:4222',
      /^1 nats.servers: 10.0.0.1 is an IP address; with TLS, name each server by/,
    ],
    [`servers: '[::1]:4222', tls: { ca: x }`, /^1 nats.servers: ::1 is an IP address/],
    ['servers: a, name: a.b', /^1 nats.name: expected one word of at most 63 letters/],
    ['servers: a, prefix: a.>', /^1 nats.prefix: expected words of letters/],
    ['servers: a, stream: a.b', /^1 nats.stream: expected the name of a stream/],
    ['servers: a, tls: ca.pem', /^1 nats.tls: expected paths of PEM files.* but it is a text$/],
    ['servers: a, tls: { cert: x }', /^1 nats.tls: .* but it has cert without key$/],
    ['servers: a, tls: { pem: x }', /^1 nats.tls: .* but pem is none of ca, cert, key$/],
    [
      'servers: a, export: [host.load, remote.web1.>]',
      /^1 nats.export: .* pattern 2 is "remote.web1.>"; topics of remote.> and fleet.> never leave a machine$/,
    ],
    ['servers: a, export: fleet.link', /^1 nats.export: .* it is "fleet.link"; topics of remote/],
    ['servers: a, export: chimed.>', /^1 nats.export: .* names that start with chimed are reserved$/],
    ['servers: a, export: []', /^1 nats.export: .* but it is an empty list$/],
    ['servers: a, import: [{ from: b }]', /^1 nats.import: .* but import 1 has no topics$/],
    [
      'servers: a, import: [{ from: b.c, topics: x }]',
      /^1 nats.import: .* but import 1 has from: "b.c"; a mach/,
    ],
    [
      'servers: a, import: [{ from: b, topics: remote.> }]',
      /^1 nats.import: .* import 1 has topics of which/,
    ],
    [
      'servers: a, import: [{ from: b, topics: x, to: y }]',
      /^1 nats.import: .* import 1 has to, which is neither/,
    ],
    [
      'servers: a, import: { from: b, topics: x }',
      /^1 nats.import: expected one value, but it is a mapping$/,
    ],
    [
      'servers: a, name: web1, import: [{ from: web1, topics: x }]',
      /^1 nats.import: imports from web1, which is this/,
    ],
    ['export: host.>', /^1 nats.export: has no effect without nats.servers; set nats.servers/],
    ['servers: a, user: nobody-such', /^1 nats.user: there is no user nobody-such on this machine$/],
  ])('names the mistake in %s', (text, expected) => {
    expect(mistakes(`nats: { ${text} }`)).toEqual([expect.stringMatching(expected)]);
  });

  test('doubts an exported topic whose payload can be larger than a server takes', () => {
    const text = (topics: string): string =>
      `nats: { servers: a, export: host.>, user: root }\ntopics:\n${topics}`;
    const one = (name: string, rest = ''): string => `  ${name}: { interval: 1s, data: 1${rest} }\n`;
    expect(load(text(one('host.a', ', maxBytes: 1MiB'))).doubts).toEqual([
      expect.stringMatching(/^host.a: nats.export sends messages of up to maxBytes, but a NATS server takes/),
    ]);
    const none = [one('host.a'), one('host.b', ', maxBytes: 1023KiB'), one('x', ', maxBytes: 2MiB')];
    expect(load(text(none.join(''))).doubts).toBeUndefined();
  });
});

test('the manual says of each source which schedule it takes', () => {
  const manual = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
  const [, table = ''] = /\n\| source \| schedule \|\n(.*?)\n\n/s.exec(manual) ?? [];
  const rows = table.split('\n').map((row) => row.split('|')[1]!);
  const named = rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, source]) => source!));
  expect(named.toSorted()).toEqual(sourceKeys.toSorted());
});
