import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { logEvents } from '../../src/log-events.ts';
import { CONFIG, chimedAs, installedMachine } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const tick = { interval: '100ms', data: 'tock' };
const good = JSON.stringify({ topics: { tick } });
const BROKEN = 'topics: { t: { interval: 1 } }\n';
const REFUSAL =
  'chimed cannot start: its configuration has mistakes. Ask an administrator to look at `systemctl status chimed`.';

describe.skipIf(whyNot())('a service that cannot start', () => {
  let machine: Machine;

  const state = (unit: string): Promise<string> => machine.property(unit, 'ActiveState');
  const hears = async (): Promise<void> => {
    const { code, stdout } = await chimedAs(machine, 'alice', 'listen', 'tick', '--count', '1');
    expect(stdout).toContain('tock');
    expect(code).toBe(0);
  };

  beforeAll(async () => {
    machine = await installedMachine({ topics: { tick } });
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('says so to root once, with exit code 78, and is not tried again by itself', async () => {
    await machine.write(CONFIG, BROKEN);
    expect((await machine.attempt('systemctl', 'restart', 'chimed')).code).not.toBe(0);
    expect(await machine.property('chimed.service', 'ExecMainStatus')).toBe('78');
    expect(await machine.property('chimed.service', 'SubState')).toBe('failed'); // and not auto-restart
    expect(await machine.property('chimed.service', 'NRestarts')).toBe('0');
    saw('broken configuration', 'exit 78, 0 restarts');
  });

  test('has its reason in the journal, as an error of its own', async () => {
    const [entry] = await machine.journal('--unit=chimed.service', `MESSAGE_ID=${logEvents['cannot-start']}`);
    expect(entry).toMatchObject({
      PRIORITY: '3',
      SYSLOG_IDENTIFIER: 'chimed',
      CODE: 'bad-config',
      MESSAGE: expect.stringMatching(
        /^cannot start .*\n.*chimed\.yaml has 2 mistakes:\n.*\n.*topics\.t: no source/,
      ),
    });
    saw('journalctl -p err', String(entry?.['MESSAGE']).split('\n')[0]!);
  });

  test('refuses each of 50 calls of a member of the group, and keeps its socket', async () => {
    const began = performance.now();
    const calls = await machine.run('runuser', '-u', 'alice', '--', '/usr/bin/python3', '-I', '-c', call(50));
    const answers = calls.trim().split('\n');
    expect(answers).toHaveLength(50);
    for (const answer of answers) {
      const { type, data } = JSON.parse(answer) as { type: string; data: object };
      expect(type).toBe('chimed.rejected');
      expect(data).toEqual({ code: 'bad-config', message: REFUSAL });
    }
    const took = ((performance.now() - began) / 1000).toFixed(1);
    const { code, stderr } = await chimedAs(machine, 'alice', 'status');
    expect(stderr).toBe(`chimed: ${REFUSAL}\n`);
    expect(code).toBe(78);
    expect(await state('chimed.socket')).toBe('active');
    // It goes on refusing for a moment after the last call.
    await machine.sh('until systemctl is-failed --quiet chimed.service; do sleep 0.1; done');
    expect(await machine.property('chimed.service', 'Result')).toBe('exit-code'); // and not start-limit-hit
    saw('50 calls against a broken configuration', `50 refusals in ${took} s, the socket stays`);
    saw('  what a member of the group reads', stderr.trim());
  });

  test('tells root what is wrong', async () => {
    const { code, stderr } = await machine.attempt('chimed', 'status');
    expect(stderr).toContain('chimed.yaml:1 topics.t: no source');
    expect(code).toBe(78);
  });

  test('starts with the next call once the file is mended', async () => {
    await machine.write(CONFIG, good);
    await hears();
    expect(await state('chimed.service')).toBe('active');
  });

  test('starts with systemctl restart once the file is mended, also while clients call in a loop', async () => {
    await machine.write(CONFIG, BROKEN);
    await machine.attempt('systemctl', 'restart', 'chimed');
    const calls = call(1e9);
    await using loop = machine.start('runuser', '-u', 'alice', '--', '/usr/bin/python3', '-I', '-c', calls);
    await loop.stdout.take(100);
    await machine.write(CONFIG, good);
    const began = performance.now();
    await machine.run('systemctl', 'restart', 'chimed'); // No reset-failed.
    saw('systemctl restart under such a loop', `${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(await state('chimed.service')).toBe('active');
    expect(await state('chimed.socket')).toBe('active');
    await machine.write('/run/enough', '');
    expect(await loop.ended).toBe(0);
    await hears();
  });

  test('goes on with what it had if the file breaks before a reload, and takes the mended one by a reload', async () => {
    await machine.write(CONFIG, BROKEN);
    expect((await machine.attempt('systemctl', 'reload', 'chimed')).code).not.toBe(0);
    await hears();
    await machine.write(CONFIG, good);
    await machine.run('systemctl', 'reload', 'chimed');
    await hears();
  });

  test('gets its socket back by systemctl restart, if that was stopped', async () => {
    await machine.run('systemctl', 'stop', 'chimed.socket');
    expect(await state('chimed.service')).toBe('inactive');
    await machine.run('systemctl', 'restart', 'chimed');
    expect(await state('chimed.socket')).toBe('active');
    await hears();
  });

  test.each([
    ['bad-config', 'serve --config /etc/broken.yaml', 'has 2 mistakes'],
    ['socket-in-use', 'serve --socket /run/one/s', '/run/one/s'],
    ['cannot-listen', `serve --socket /run/${'x'.repeat(120)}`, '/run/xxx'],
    ['not-permitted', 'serve --socket /etc/none/s', '/etc/none'],
    ['bad-config', 'serve --socket /run/two/s --config /etc/state.yaml', 'state.file'],
  ])('whose reason is %s has it in the journal as an error (chimed %s)', async (code, args, why) => {
    await machine.write('/etc/broken.yaml', BROKEN);
    await machine.write('/etc/state.yaml', 'state: { file: /etc/passwd }\n');
    await machine.sh(
      'systemctl is-active --quiet one || systemd-run --quiet --unit=one chimed serve --socket /run/one/s',
    );
    await machine.sh('until [ -S /run/one/s ]; do sleep 0.1; done');
    const user = code === 'not-permitted' ? ['--uid=alice'] : [];
    const run = `failed-${Math.random().toString(36).slice(2)}`;
    const { code: exit } = await machine.attempt(
      'systemd-run',
      '--quiet',
      '--wait',
      `--unit=${run}`,
      ...user,
      'chimed',
      ...args.split(' '),
    );
    expect(exit).not.toBe(0);
    const [entry, ...others] = await machine.journal(
      `--unit=${run}`,
      '--priority=err',
      'SYSLOG_IDENTIFIER=chimed',
    );
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ PRIORITY: '3', CODE: code, MESSAGE_ID: logEvents['cannot-start'] });
    expect(entry?.['ERROR']).toContain(why);
  });
});

/** Connects so many times, one after the other, and prints what it reads, until there is a file /run/enough. */
function call(times: number): string {
  return `
import os, socket
for _ in range(${times}):
    if os.path.exists("/run/enough"): break
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30 if ${times} < 100 else 1)
    try:
        client.connect("/run/chimed/chimed.sock")
        print(client.recv(65536).decode().strip("\\f"), flush=True)
    except OSError as error:
        print(error, flush=True)
    client.close()
`;
}
