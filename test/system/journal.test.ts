import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { logEvents } from '../../src/log-events.ts';
import { CONFIG, chimedAs, installedMachine } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const LARGE = 3000;
const topics = {
  'host.load': { interval: '1s', host: 'load' },
  broken: { interval: '1s', command: ['sh', '-c', 'echo no luck >&2; exit 3'], always: true },
  verbose: { interval: '1s', module: 'verbose.mjs' },
};
/** A source that logs a long value, and a text of two lines. */
const verbose = `
export default async ({ log }) => {
  log.info({ large: 'x'.repeat(${LARGE}), lines: 'one\\ntwo' }, 'verbose');
  return 1;
};`;

describe.skipIf(whyNot())('the journal', () => {
  let machine: Machine;
  let alice: string;
  const unit = '--unit=chimed.service';

  beforeAll(async () => {
    machine = await installedMachine();
    await machine.write('/etc/chimed/verbose.mjs', verbose);
    await machine.write(CONFIG, JSON.stringify({ topics }));
    await machine.run('systemctl', 'reload', 'chimed');
    alice = (await machine.run('id', '--user', 'alice')).trim();
    await chimedAs(machine, 'alice', 'listen', 'host.load', '--count', '1');
    await machine.run('chimed', 'listen', 'host.load', 'verbose', '--count', '2');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('has a line that reads well for each event', async () => {
    const text = await machine.run('journalctl', unit, '--output=cat');
    expect(text).toMatch(/^listening socket=\/run\/chimed\/chimed\.sock pid=\d+ version=\d/m);
    expect(text).toMatch(
      /^client connected client=\d+ name="chimed listen" pid=\d+ uid=\d+ gid=\d+ groups=\[.*\]$/m,
    );
    expect(text).toMatch(/^source is failing topic=broken error=".*3.*no luck.*"$/m);
  });

  test.each([
    ['TOPIC=host.load', (entry: Entry) => entry['TOPIC'] === 'host.load'],
    ['CLIENT=1', (entry: Entry) => entry['CLIENT'] === '1'],
    [`MESSAGE_ID=${logEvents['source-failing']}`, (entry: Entry) => entry['TOPIC'] === 'broken'],
  ])('finds what it is asked for: %s', async (query, wanted) => {
    const all = await machine.journal(unit);
    const found = await machine.journal(unit, query);
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(all.filter(wanted));
    saw(`journalctl -u chimed ${query}`, `${found.length} of ${all.length} lines`);
  });

  test('finds the lines of one user: CLIENT_UID', async () => {
    const found = await machine.journal(unit, `CLIENT_UID=${alice}`);
    expect(found.map(({ MESSAGE }) => String(MESSAGE).replace(/ client=.*/, ''))).toEqual([
      'client connected',
      'client registered',
      'client disconnected',
    ]);
    expect(found.every(({ CLIENT_NAME, CLIENT_PID }) => CLIENT_NAME !== undefined || CLIENT_PID)).toBe(true);
    saw(`journalctl -u chimed CLIENT_UID=${alice}`, `${found.length} lines, all of alice's`);
  });

  test('finds by priority what needs a look: -p warning', async () => {
    const found = await machine.journal(unit, '--priority=warning');
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ PRIORITY }) => Number(PRIORITY) <= 4)).toBe(true);
    expect(found.map(({ MESSAGE }) => MESSAGE)).toContainEqual(expect.stringContaining('source is failing'));
    saw('journalctl -u chimed -p warning', String(found[0]?.['MESSAGE']));
  });

  test('has the fields of a line: -o json', async () => {
    const [entry] = await machine.journal(unit, `MESSAGE_ID=${logEvents.listening}`);
    expect(entry).toMatchObject({
      PRIORITY: '6',
      SYSLOG_IDENTIFIER: 'chimed',
      SOCKET: '/run/chimed/chimed.sock',
      CONFIG,
      _TRANSPORT: 'journal',
      CODE_FILE: 'src/daemon/daemon.ts',
      CODE_LINE: expect.stringMatching(/^\d+$/),
    });
  });

  test('takes long values, and values of several lines', async () => {
    const [entry] = await machine.journal(unit, 'LINES=one\ntwo');
    expect(entry?.['LARGE']).toBe('x'.repeat(LARGE));
  });

  test('that cannot be reached is replaced by JSON on stdout, which says so', async () => {
    const script = `
      systemd-run --quiet --wait --pipe --property=InaccessiblePaths=/run/systemd/journal/socket \
        --property=RuntimeMaxSec=6 chimed serve --log-format journal --socket /run/other.sock`;
    const { stdout } = await machine.attempt('sh', '-c', script);
    const [warning, listening] = stdout.split('\n').map((line) => JSON.parse(line || '{}') as Entry);
    expect(warning).toMatchObject({
      level: 'warn',
      msg: 'the journal cannot be reached: log lines go to stdout',
    });
    expect(listening).toMatchObject({ level: 'info', msg: 'listening' });
  });

  test('and systemctl status tell whether a reload went well', async () => {
    const status = (): Promise<string> => machine.property('chimed.service', 'StatusText');
    const shown = 'systemctl show --property=StatusText chimed';
    await machine.sh(`until ${shown} | grep -q '3 topics .*; 1 topic failing'; do sleep 0.1; done`);
    saw('STATUS', await status());
    await machine.write(CONFIG, 'topics: { t: { interval: 1s } }\n');
    const bad = await machine.attempt('systemctl', 'reload', 'chimed');
    expect(bad.code).not.toBe(0);
    expect(await status()).toMatch(/^the reload failed, the old configuration stays \(see the journal\)/);
    saw('STATUS after a bad reload', await status());
    const [line] = await machine.journal(unit, `MESSAGE_ID=${logEvents['reload-failed']}`);
    expect(line?.['ERROR']).toContain('topics.t: no source');
    expect(await machine.property('chimed.service', 'ActiveState')).toBe('active');

    await machine.write(CONFIG, JSON.stringify({ topics: { 'host.load': topics['host.load'] } }));
    await machine.run('systemctl', 'reload', 'chimed');
    expect(await status()).toBe('0 clients, 1 topic (0 awake), 0.0 messages/s');
  });
});

type Entry = Record<string, unknown>;
