import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';

import { findConfig, loadConfig } from '../../src/config/load.ts';
import { lookUpUsers } from '../../src/linux/accounts.ts';
import { defaultSocketPath } from '../../src/protocol/paths.ts';
import { machineTimezone } from '../../src/timezone.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = folder.file('chimed.yaml');
  return () => folder[Symbol.dispose]();
});

/** Loads a configuration from a real file; JSON is YAML. */
function load(config: object | string, env: Record<string, string> = {}) {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return loadConfig(file, env);
}

function loadTopic(topic: object) {
  return load({ topics: { t: topic } }).topics[0]!;
}

const defaults = {
  socket: { path: defaultSocketPath({}), mode: 0o600, backlog: 4096 },
  clients: {
    max: 10_000,
    maxPatterns: 256,
    requestsPerSecond: 10_000,
    connectionsPerSecond: 1000,
    bytesPerSecond: 16 * 1024 * 1024,
    memory: 128 * 1024 * 1024,
    memoryPerUser: 16 * 1024 * 1024,
    pendingBytes: 1024 * 1024,
    stallTimeoutMs: 30_000,
    frameBytes: 1024 * 1024,
    frameTimeoutMs: 10_000,
  },
  log: { level: 'info', format: 'auto' },
  history: { maxBytes: 32 * 1024 * 1024 },
  state: {},
  web: {
    socket: join(dirname(defaultSocketPath({})), 'web.sock'),
    mode: 0o600,
    hosts: [],
    ...gateway(),
    maxConnections: 4096,
  },
  shutdown: { timeoutMs: 5000 },
  topics: [],
  namespaces: [],
};

/** The machine may have the gateway's user. */
function gateway(): { uid?: number } {
  try {
    return { uid: lookUpUsers(['chimed-web'])('chimed-web') };
  } catch {
    return {};
  }
}

test.each(['', '# nothing\n', 'topics:\n', 'socket:\nclients: {}\n', '{}'])(
  'what is left out has its default: %j',
  (text) => {
    expect(load(text)).toEqual({ ...defaults, file, directory: folder.path });
  },
);

test('what is set is read', () => {
  const {
    topics: _,
    namespaces: _none,
    ...settings
  } = load(`
    socket: { path: /x/y.sock, mode: '0660', group: root, backlog: 5 }
    clients: { max: 1, maxPerUser: 3, maxPatterns: 2, requestsPerSecond: 4, connectionsPerSecond: 5, bytesPerSecond: 6B, memory: 7B, memoryPerUser: 8B, pendingBytes: 64KiB, stallTimeout: 1.5s, frameBytes: 3 MiB, frameTimeout: 2m }
    log: { level: debug, format: json }
    history: { maxBytes: 64 MiB }
    state: { file: /x/state.json }
    web: { address: localhost:80, tokenFile: token, hosts: a.example b.example, user: root, maxConnections: 2 }
    shutdown: { timeout: 250 ms }`);
  expect(settings).toEqual({
    file,
    directory: folder.path,
    socketKeys: ['path', 'mode', 'group'],
    socket: { path: '/x/y.sock', mode: 0o660, group: 'root', backlog: 5 },
    clients: {
      max: 1,
      maxPerUser: 3,
      maxPatterns: 2,
      requestsPerSecond: 4,
      connectionsPerSecond: 5,
      bytesPerSecond: 6,
      memory: 7,
      memoryPerUser: 8,
      pendingBytes: 64 * 1024,
      stallTimeoutMs: 1500,
      frameBytes: 3 * 1024 * 1024,
      frameTimeoutMs: 120_000,
    },
    log: { level: 'debug', format: 'json' },
    history: { maxBytes: 64 * 1024 * 1024 },
    state: { file: '/x/state.json' },
    web: {
      socket: '/x/web.sock',
      mode: 0o600,
      address: { host: 'localhost', port: 80 },
      tokenFile: folder.file('token'),
      hosts: ['a.example', 'b.example'],
      uid: 0,
      maxConnections: 2,
    },
    shutdown: { timeoutMs: 250 },
  });
});

describe('a topic', () => {
  const rest = {
    access: {},
    timeoutMs: 10_000,
    maxBytes: 1024 * 1024,
    onChange: false,
    metrics: false,
    always: false,
    history: 0,
    historyBytes: 4 * 1024 * 1024,
  };
  const everySecond = { schedule: { kind: 'interval', intervalMs: 1000, align: false } };

  test('has defaults too', () => {
    expect(loadTopic({ interval: '1s', data: 5 })).toEqual({
      name: 't',
      ...everySecond,
      source: { kind: 'data', data: 5 },
      first: 'sample',
      ...rest,
    });
  });

  test('may say otherwise', () => {
    const access = { subscribe: ['root', 42, '@root'] };
    const options = {
      access,
      first: 'none',
      timeout: '1h',
      maxBytes: '64MiB',
      onChange: true,
      metrics: true,
      always: true,
      history: 9,
      historyBytes: '1GiB',
    };
    expect(loadTopic({ interval: '2d', align: true, host: 'load', ...options })).toEqual({
      name: 't',
      schedule: {
        kind: 'interval',
        intervalMs: 2 * 24 * 3_600_000,
        align: true,
        timezone: machineTimezone(),
      },
      source: { kind: 'host', host: 'load' },
      first: 'none',
      access: { subscribe: { uids: [0, 42], gids: [0] } },
      timeoutMs: 3_600_000,
      maxBytes: 64 * 1024 ** 2,
      onChange: true,
      metrics: true,
      always: true,
      history: 9,
      historyBytes: 1024 ** 3,
    });
  });

  test.each([
    ['1m30s', 90_000],
    ['1h 30m', 5_400_000],
    ['1w', 604_800_000],
    ['2d12h', 216_000_000],
    ['1.5s', 1500],
    ['1s250ms', 1250],
  ])('may tick every %s', (interval, intervalMs) => {
    expect(loadTopic({ interval, data: 1 }).schedule).toMatchObject({ intervalMs });
  });

  test.each([
    [{ cron: '*/5 * * * *' }, { kind: 'cron', pattern: '*/5 * * * *', timezone: machineTimezone() }],
    [{ cron: '30 */5 * * * *' }, { kind: 'cron', pattern: '30 */5 * * * *', timezone: machineTimezone() }],
    [
      { cron: '0 0 * * 1', timezone: 'Europe/Berlin' },
      { kind: 'cron', pattern: '0 0 * * 1', timezone: 'Europe/Berlin' },
    ],
  ])('may tick as %j', (schedule, expected) => {
    expect(loadTopic({ ...schedule, data: 1 }).schedule).toEqual(expected);
  });

  test.each([
    [{ command: 'df' }, { kind: 'command', command: 'df' }],
    [
      { command: 'df', format: 'auto' },
      { kind: 'command', command: 'df' },
    ],
    [
      { command: 'df', format: 'nagios' },
      { kind: 'command', command: 'df', format: 'nagios' },
    ],
    [
      { file: 'a.json', format: 'lines' },
      { kind: 'file', file: 'a.json', format: 'lines' },
    ],
    [{ data: null }, { kind: 'data', data: null }],
    [{ data: { a: [1] } }, { kind: 'data', data: { a: [1] } }],
    [{ command: 'date' }, { kind: 'command', command: 'date' }],
    [{ command: ['uname', '-r'] }, { kind: 'command', command: ['uname', '-r'] }],
    [{ file: 'not/there/yet' }, { kind: 'file', file: 'not/there/yet' }],
    [{ publish: true }, { kind: 'publish' }],
  ])('may have the source %j', (source, expected) => {
    expect(loadTopic({ interval: '1s', ...source }).source).toEqual(expected);
  });

  test('may have upper-case letters in its name', () => {
    const { topics } = load('topics: {Sys.LoadAverage: {publish: true}}');
    expect(topics.map(({ name }) => name)).toEqual(['Sys.LoadAverage']);
  });
});

test.each([{ 'a.b': 1, c: { 'd.e': [1] } }, [{ 'a.b': 1 }], {}])('data can be %j', (data) => {
  expect(loadTopic({ interval: '1s', data }).source).toEqual({ kind: 'data', data });
});

test('relative paths start from the directory of the file', () => {
  mkdirSync(folder.file('sources'));
  writeFileSync(folder.file('sources/price.mjs'), '');
  const config = load({ topics: { t: { interval: '1s', module: 'sources/price.mjs' } } });
  expect(config.directory).toBe(folder.path);
  expect(config.topics[0]!.source).toEqual({ kind: 'module', module: 'sources/price.mjs' });
});

test('so do those of the socket and the state; in a variable or a flag, they start from the current directory', () => {
  const text = '{ socket: { path: s }, state: { file: ../state.json } }';
  expect(load(text)).toMatchObject({
    socket: { path: folder.file('s') },
    state: { file: join(folder.path, '../state.json') },
  });
  const env = { CHIMED_SOCKET_PATH: 'named.sock', CHIMED_STATE_FILE: 'named.json' };
  expect(load(text, env)).toMatchObject({
    socket: { path: join(process.cwd(), 'named.sock') },
    state: { file: join(process.cwd(), 'named.json') },
  });
});

describe('the environment', () => {
  test('of systemd says where the state is, unless the file does', () => {
    const env = { STATE_DIRECTORY: '/var/lib/chimed:/var/lib/other' };
    expect(load('', env).state).toEqual({ file: '/var/lib/chimed/state.json' });
    expect(load('state: {file: /s}', env).state).toEqual({ file: '/s' });
  });

  test('of systemd says where the socket is', () => {
    expect(load('', { RUNTIME_DIRECTORY: '/run/a' }).socket.path).toBe('/run/a/chimed.sock');
  });

  test('says nothing by variables that are empty', () => {
    const env = {
      CHIMED_SOCKET_PATH: '',
      CHIMED_CLIENTS_MAX: '',
      CHIMED_LOG_LEVEL: '',
      CHIMED_STATE_FILE: '',
    };
    expect(load('', env)).toMatchObject(defaults);
  });
});

test('the name of a file starts from the current directory', () => {
  expect(findConfig('named.yaml', {})).toBe(join(process.cwd(), 'named.yaml'));
});
