import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { installedMachine, verified } from './installed.ts';
import { CHECKOUT, whyNot } from './machine.ts';
import type { Machine } from './machine.ts';

const UNIT = 'chimed-on-load.service';
const topics = { 'host.load': { publish: true } };

describe.skipIf(whyNot())('the example unit of chimed on', () => {
  let machine: Machine;

  const property = (name: string): Promise<string> => machine.property(UNIT, name);
  const publish = async (...loads: number[]): Promise<void> => {
    for (const load of loads) await machine.run('chimed', 'publish', 'host.load', `[${load}, 1, 1]`);
  };

  beforeAll(async () => {
    machine = await installedMachine({ topics });
    await machine.sh(`cp ${CHECKOUT}/systemd/${UNIT}.example /etc/systemd/system/${UNIT}`);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', UNIT);
    await machine.sh('until chimed status --json | grep -q \'"chimed on"\'; do sleep 0.1; done');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('has no fault', async () => {
    expect(await verified(machine, UNIT)).toEqual({ code: 0, said: '' });
  });

  test('runs the command when the load has been high for three messages, as a user of its own', async () => {
    await publish(5, 1, 5, 6, 7);
    await machine.sh('until journalctl -t load --grep "the load is high" --quiet; do sleep 0.1; done');
    const entries = await machine.journal('--identifier=load');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ MESSAGE: 'the load is high', PRIORITY: '4' });
    expect(entries[0]!['_UID']).not.toBe('0');
  });

  test('waits for a daemon that is restarted', async () => {
    await machine.run('systemctl', 'restart', 'chimed');
    await publish(1, 5, 5, 5);
    await machine.sh('until [ "$(journalctl -t load -o cat | wc -l)" = 2 ]; do sleep 0.1; done');
    expect(await property('NRestarts')).toBe('0');
  });

  test('stops with success', async () => {
    await machine.run('systemctl', 'stop', UNIT);
    expect([await property('Result'), await property('ExecMainStatus')]).toEqual(['success', '0']);
  });

  test('is not started again with a command that cannot be run', async () => {
    await machine.sh(`sed -i 's,/usr/bin/logger,/usr/bin/no-such-program,' /etc/systemd/system/${UNIT}`);
    await machine.run('systemctl', 'daemon-reload');
    await machine.run('systemctl', 'start', UNIT);
    await machine.sh(`until systemctl is-failed --quiet ${UNIT}; do sleep 0.1; done`);
    expect([await property('ExecMainStatus'), await property('NRestarts')]).toEqual(['64', '0']);
    const said = await machine.run('journalctl', `--unit=${UNIT}`, '--output=cat', '--no-pager');
    expect(said).toContain('cannot run /usr/bin/no-such-program: there is no such file');
  });
});
