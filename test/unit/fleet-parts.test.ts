import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { renderFleet } from '../../src/cli/fleet-page.ts';
import type { Colors } from '../../src/cli/colors.ts';
import { loadCredentials } from '../../src/fleet/credentials.ts';
import { readFrame } from '../../src/fleet/topic-frame.ts';
import { globMatches } from '../../src/fleet/importer.ts';
import { connectionError, permissionError } from '../../src/fleet/link-errors.ts';
import { Machine } from '../../src/fleet/machine.ts';
import { NameBudget, Pages, toPages } from '../../src/fleet/pages.ts';
import { Subjects } from '../../src/fleet/subjects.ts';
import { readHere, readWant } from '../../src/fleet/talk.ts';
import type { Here } from '../../src/fleet/talk.ts';

const directory = mkdtempSync(join(tmpdir(), 'chimed-fleet-'));
afterAll(() => rmSync(directory, { recursive: true }));

const same = (text: string): string => text;
const plain: Colors = { dim: same, name: same, bad: same, heading: same };

const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

const here: Here = {
  bridge: 'b1',
  host: 'web2.example',
  pid: 7,
  version: '1.0.0',
  since: 1000,
  time: 2000,
  rttMs: 1,
  list: 'b1-1',
};

describe('subjects', () => {
  const subjects = new Subjects('acme.chimed');

  test('a machine publishes below its name only', () => {
    expect(subjects.topic('web2', 'host.load')).toBe('acme.chimed.web2.host.load');
    expect(subjects.talk('web2', 'want', 'web1')).toBe('acme.chimed-fleet.web2.want.web1');
  });

  test('say who said something, and about which topic', () => {
    const subject = subjects.talk('web2', 'last', 'web1', 'host.load');
    expect(subjects.parse(subject)).toEqual({ machine: 'web2', topic: 'host.load' });
  });
});

describe('a list in pages', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `some.topic.with.a.long.name.${index}`);

  test('is whole once all pages are there, in whatever order', () => {
    const sent = toPages('list-1', names);
    expect(sent.length).toBeGreaterThan(2);
    for (const page of sent) expect(JSON.stringify(page).length).toBeLessThan(250_000);
    const pages = new Pages();
    const [first, ...others] = sent;
    for (const page of others.toReversed()) expect(pages.add(page)).toBeUndefined();
    expect(pages.add(first!)).toEqual(names);
  });

  test('starts anew when a page of another list comes', () => {
    const [one, two] = toPages('old', names);
    const pages = new Pages();
    pages.add(one!);
    expect(pages.add({ list: 'new', page: 0, pages: 1, topics: ['a'] })).toEqual(['a']);
    expect(pages.add(two!)).toBeUndefined();
  });

  test('counts against what all machines may have together, until it is replaced or forgotten', () => {
    const budget = new NameBudget(5);
    const [one, other] = [new Pages(budget), new Pages(budget)];
    const page = { list: 'a', page: 0, pages: 1, topics: ['1', '2', '3'] };
    expect(one.add(page)).toHaveLength(3);
    expect(other.add(page)).toBeUndefined(); // 3 of the 2 that are left.
    expect(budget.refused).toBe(1);
    expect(other.add({ list: 'b', page: 0, pages: 2, topics: ['1', '2'] })).toBeUndefined(); // Half of it.
    expect(one.add({ list: 'c', page: 0, pages: 1, topics: ['1'] })).toBeUndefined(); // The half counts.
    other.close();
    expect(one.add({ list: 'd', page: 0, pages: 1, topics: ['1'] })).toEqual(['1']);
    expect(other.add({ list: 'e', page: 0, pages: 1, topics: ['1', '2', '3', '4'] })).toHaveLength(4);
    expect(budget.refused).toBe(2);
  });

  test('can be empty', () => {
    expect(new Pages().add(toPages('none', [])[0]!)).toEqual([]);
  });
});

describe('what came on the subject of a topic', () => {
  const message = { type: 't', data: { a: 1 }, seq: 5, time: 1000, instance: 'x' };

  test('is a message with the numbers of its origin', () => {
    expect(readFrame('t', bytes(message))).toEqual({
      kind: 'message',
      message: { data: { a: 1 }, seq: 5, time: 1000, instance: 'x' },
    });
  });

  test('is a notice that the topic fails', () => {
    const failing = { topic: 't', error: 'no', since: 1, failures: 2 };
    expect(readFrame('t', bytes({ type: 'chimed.failing', data: failing }))).toEqual({
      kind: 'failing',
      failing,
    });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', [1]],
    ['the message of another topic', { ...message, type: 'u' }],
    ['a message without a number', { ...message, seq: undefined }],
    ['a message with a number below 1', { ...message, seq: 0 }],
    ['a message with a broken number', { ...message, seq: 1.5 }],
    ['a message without a payload', { ...message, data: undefined }],
    ['a message with a hostile instance', { ...message, instance: '","seq":9' }],
    ['a message without a time', { ...message, time: 'now' }],
    ['a notice about another topic', { type: 'chimed.failing', data: { topic: 'u', error: 'no' } }],
    ['another control frame', { type: 'chimed.stopping', data: { topic: 't' } }],
  ])('is refused if it is %s', (_, value) => {
    expect(readFrame('t', bytes(value))).toBeUndefined();
  });
});

describe('what bridges say', () => {
  test('is refused if something is missing or of another type', () => {
    expect(readHere(bytes(here))).toEqual(here);
    for (const key of Object.keys(here)) expect(readHere(bytes({ ...here, [key]: null }))).toBeUndefined();
    expect(readWant(bytes({ bridge: 'b', list: '1' }))).toEqual({ bridge: 'b', list: '1' });
    expect(readWant(bytes({ bridge: 'b', list: '1', page: 0, pages: 1e9, topics: [] }))).toBeUndefined();
    expect(readWant(bytes({ bridge: 'b', list: '1', page: 0, pages: 1, topics: [1] }))).toBeUndefined();
  });
});

test.each([
  ['web*', 'web2', true],
  ['web*', 'db1', false],
  ['*', 'anything', true],
  ['w*b', 'web', true],
  ['web', 'web2', false],
  ['we.', 'web', false],
])('machines are named by %s: %s is %s', (pattern, name, expected) => {
  expect(globMatches(pattern, name)).toBe(expected);
});

test('the skew of a clock leaves out the way that the message took', () => {
  const machine = new Machine('web2', here);
  machine.seen({ ...here, time: Date.now() + 500, rttMs: 30 }, 10);
  expect(machine.skewMs).toBeGreaterThan(510);
  expect(machine.skewMs).toBeLessThan(521);
  machine.heard(Date.now() + 400);
  expect(machine.lateMs).toBeGreaterThan(100);
});

describe('credentials', () => {
  const file = (text: string): string => {
    const path = join(directory, `creds-${text.length}`);
    writeFileSync(path, text);
    return path;
  };

  test('are a user and a password', async () => {
    const authenticator = await loadCredentials(file('web2:secret word'.replace(' ', '-')), {});
    expect(authenticator?.()).toEqual({ user: 'web2', pass: 'secret-word' });
  });

  test('come from systemd if no file is named, and need not be there', async () => {
    writeFileSync(join(directory, 'nats-creds'), 'web2:x\n');
    expect((await loadCredentials(undefined, { CREDENTIALS_DIRECTORY: directory }))?.()).toEqual({
      user: 'web2',
      pass: 'x',
    });
    expect(
      await loadCredentials(undefined, { CREDENTIALS_DIRECTORY: join(directory, 'none') }),
    ).toBeUndefined();
    expect(await loadCredentials(undefined, {})).toBeUndefined();
  });

  test('that are none are refused by what they could be, and not shown', async () => {
    await expect(loadCredentials(file('my secret'), {})).rejects.toThrow(
      /contains no NATS credentials: neither/,
    );
    await expect(loadCredentials(file('my secret'), {})).rejects.not.toThrow(/my secret/);
    await expect(loadCredentials(join(directory, 'nowhere'), {})).rejects.toThrow(
      /cannot be read: .*nowhere/,
    );
  });
});

test.each([
  [
    Object.assign(new Error('Authorization Violation'), { name: 'AuthorizationError' }),
    /refused the credentials/,
  ],
  [Object.assign(new Error('timeout'), { name: 'TimeoutError' }), /does not answer/],
  [
    new Error('connection refused', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }),
    /nothing listens/,
  ],
  [Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), /host name is unknown/],
  [
    Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    /TLS failed/,
  ],
  [new Error("server does not support 'tls'"), /TLS failed/],
  [new Error('something else'), /something else/],
])('a connection that cannot be made says what to check: %s', (error, expected) => {
  const { code, message } = connectionError(error, ['nats.example:4222']);
  expect(code).toBe('no-server');
  expect(message).toMatch(expected);
  expect(message).toContain('nats.example:4222');
});

test('a permission that is missing is named', () => {
  expect(permissionError('publish', 'chimed.web2.t')).toBe(
    'the NATS server does not let this machine publish to chimed.web2.t; give its user the permission',
  );
});

test('the status shows the machines, and what is wrong', () => {
  const machine = {
    here: 1 as const,
    host: 'h',
    version: '1.0.0',
    since: Date.now() - 60_000,
    topics: 3,
    wanted: 1,
    lateMs: 0.8,
    skewMs: -2,
    synchronised: 1 as const,
    maxErrorMs: 4,
  };
  const lines = renderFleet(
    {
      machine: 'web1',
      connected: 0,
      server: null,
      since: null,
      error: 'nothing listens there',
      connections: 1,
      rttMs: null,
      published: 0,
      received: 0,
      filled: 0,
      skipped: 2,
      dropped: 1,
      imported: 1,
      exported: 0,
      machineCount: 2,
      machines: { web3: { ...machine, here: 0, synchronised: 0 }, web2: machine },
    },
    plain,
  );
  expect(lines[0]).toBe(
    'fleet: web1, no connection to NATS: nothing listens there; 1 topics imported, 0 exported now, 2 skipped, 1 dropped',
  );
  expect(lines[2]).toMatch(/^web2 +here +1m ago +h +1\.0\.0 +3 +1 +0\.8ms +-2ms +synchronised to 4ms$/);
  expect(lines[3]).toMatch(/^web3 +away .* not synchronised$/);
});
