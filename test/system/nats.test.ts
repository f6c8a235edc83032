import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CONFIG, fromCheckout, installedMachine, verified } from './installed.ts';
import { whyNot } from './machine.ts';
import type { Machine } from './machine.ts';
import { saw } from './seen.ts';

const UNIT = 'chimed-nats.service';
const CREDENTIALS = '/etc/credstore/chimed-nats-creds';
const topics = { open: { interval: '1s', data: 'hello', always: true } };
/** No NATS server listens there. */
const nats = { servers: 'nats://127.0.0.1:4222', name: 'web1', export: 'open' };

describe.skipIf(whyNot())('the service chimed-nats', () => {
  let machine: Machine;

  const property = (name: string): Promise<string> => machine.property(UNIT, name);
  const configure = (value: object): Promise<void> => machine.write(CONFIG, JSON.stringify(value));
  const logged = async (): Promise<string> => {
    const entries = await machine.journal(`--unit=${UNIT}`);
    return entries
      .map((entry) => `${String(entry['MESSAGE'])} ${String(entry['CHIMED_ERROR'] ?? '')}`)
      .join('\n');
  };

  beforeAll(async () => {
    machine = await installedMachine({ topics });
    await machine.sh('ip link set lo up');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('is off until it is enabled', async () => {
    expect((await machine.attempt('systemctl', 'is-enabled', UNIT)).stdout).toBe('disabled\n');
    expect(await property('ActiveState')).toBe('inactive');
  });

  test('has a unit in which systemd finds no fault, and little exposure', async () => {
    expect(await verified(machine, UNIT)).toEqual({ code: 0, said: '' });
    const report = await machine.run('systemd-analyze', 'security', '--no-pager', UNIT);
    const exposure = Number(new RegExp(`Overall exposure level for ${UNIT}: ([\\d.]+)`).exec(report)?.[1]);
    saw('systemd-analyze security, chimed-nats', exposure);
    expect(exposure).toBeLessThanOrEqual(1.6);
  });

  test('refuses to start without nats.servers, says so, and is not tried again', async () => {
    expect((await machine.attempt('systemctl', 'enable', '--now', UNIT)).code).not.toBe(0);
    expect(await property('ActiveState')).toBe('failed');
    expect([await property('ExecMainStatus'), await property('NRestarts')]).toEqual(['78', '0']);
    expect(await logged()).toContain(`nats.servers is not set in ${CONFIG}; write, for example, \`nats: {`);
  });

  test('starts without a NATS server, as a user of its own, with the daemon as it runs', async () => {
    const daemon = await machine.property('chimed.service', 'MainPID');
    await configure({ topics, nats });
    await machine.run('systemctl', 'start', UNIT);
    expect(await property('ActiveState')).toBe('active');
    expect((await machine.run('ps', '-o', 'user=', '-p', await property('MainPID'))).trim()).toBe(
      'chimed-nats',
    );
    await machine.sh('until chimed status --json | grep -q \'"chimed nats"\'; do sleep 0.1; done');
    expect(await machine.property('chimed.service', 'MainPID')).toBe(daemon);
  });

  test('is back after SIGKILL', async () => {
    const killed = await property('MainPID');
    await machine.run('kill', '-KILL', killed);
    await machine.sh(`until [ "$(systemctl show -P NRestarts ${UNIT})" = 1 ]; do sleep 0.1; done`);
    await machine.sh(`until systemctl is-active --quiet ${UNIT}; do sleep 0.1; done`);
    expect(await property('MainPID')).not.toBe(killed);
  });

  test('reloads, and a reload of a file with a mistake fails and changes nothing', async () => {
    const pid = await property('MainPID');
    await machine.run('systemctl', 'reload', UNIT);
    await machine.sh(`until journalctl --unit=${UNIT} | grep -q ': reloaded'; do sleep 0.1; done`);
    await configure({ topics, nats: { ...nats, export: 'remote.>' } });
    const { code, stderr } = await machine.attempt('systemctl', 'reload', UNIT);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Job for chimed-nats.service failed')]);
    await machine.sh(
      `until systemctl show -P StatusText ${UNIT} | grep -q 'the reload failed'; do sleep 0.1; done`,
    );
    expect(await logged()).toContain('topics of remote.> and fleet.> never leave a machine');
    await configure({ topics, nats });
    expect(await property('MainPID')).toBe(pid);
  });

  test('reads the credential of the credential store', async () => {
    await machine.sh(`install -D -m 600 /dev/null ${CREDENTIALS}; echo nonsense > ${CREDENTIALS}`);
    expect((await machine.attempt('systemctl', 'restart', UNIT)).code).not.toBe(0);
    expect(await property('ExecMainStatus')).toBe('78');
    expect(await logged()).toMatch(/\/nats-creds contains no NATS credentials: neither a credentials file/);
    await machine.run('rm', CREDENTIALS);
    // systemd may be removing the control group of the start that failed; then it tries again.
    await machine.attempt('systemctl', 'restart', UNIT);
    await machine.sh(`until systemctl is-active --quiet ${UNIT}; do sleep 0.1; done`);
  });

  test('can read how well the clock is synchronised, and cannot set it', async () => {
    const adjtimex = (modes: number): string =>
      `import ctypes; b = ctypes.create_string_buffer(bytes([${modes}]) + bytes(511)); c = ctypes.CDLL(None, use_errno=True); print('adjtimex', c.adjtimex(b), ctypes.get_errno())`;
    const drop = `/run/systemd/system/${UNIT}.d/clock.conf`;
    const steps = [0, 1].map((modes) => `ExecStartPre=/usr/bin/python3 -c "${adjtimex(modes)}"`);
    await machine.write(drop, `[Service]\n${steps.join('\n')}\n`);
    await machine.sh(`systemctl daemon-reload; systemctl restart ${UNIT}`);
    const lines = (await logged()).split('\n').filter((line) => line.startsWith('adjtimex'));
    expect(lines).toEqual([
      expect.stringMatching(/^adjtimex [0-5] 0/),
      expect.stringMatching(/^adjtimex -1 1/),
    ]);
    await machine.sh(`rm -r $(dirname ${drop}); systemctl daemon-reload; systemctl restart ${UNIT}`);
  });

  test('is restarted by an upgrade', async () => {
    const before = await property('MainPID');
    const said = await machine.run(...fromCheckout, 'service', 'install');
    expect(said).toContain(`systemctl try-restart ${UNIT}\n`);
    expect(await property('MainPID')).not.toBe(before);
    expect(await property('ActiveState')).toBe('active');
  });

  test('is removed by uninstall while it runs, and by --purge with its user and its credentials', async () => {
    await machine.sh(`install -D -m 600 /dev/null ${CREDENTIALS}`);
    await machine.run('chimed', 'service', 'uninstall', '--purge');
    expect((await machine.attempt('systemctl', 'status', UNIT)).code).toBe(4);
    expect((await machine.attempt('getent', 'passwd', 'chimed-nats')).stdout).toBe('');
    expect((await machine.attempt('getent', 'group', 'chimed-nats')).stdout).toBe('');
    const places = '/etc /run /usr/local /var/lib /var/cache';
    const left = await machine.sh(`find ${places} -name '*chimed*' -not -path '/run/host/*'`);
    expect(left).toBe('');
  });
});
