import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { DAEMON, unitNames } from '../../src/service/layout.ts';
import {
  CONFIG,
  allReadyAgain,
  chimedAs,
  endFleet,
  fromCheckout,
  startFleet,
  verified,
} from '../system/installed.ts';
import { whyNot } from '../system/machine.ts';
import type { Machine } from '../system/machine.ts';
import { saw } from '../system/seen.ts';
import { DEB, OLD_DEB, OLD_VERSION, apt, aptKeeping, debMachine, version } from './packages.ts';

/** What the daemon has written: Debian's helpers have no way to remove it, and it is small. */
const LEFT_AFTER_PURGE = '/var/cache/chimed\n/var/cache/chimed/chimed\n/var/lib/chimed\n';
/** Debian 12's debhelper writes the first path, which is the same directory. */
const PACKAGED_UNIT = /^(\/usr)?\/lib\/systemd\/system\/chimed\.service$/;
/** The units of the gateway and of the bridge. */
const OFF_UNITS = unitNames.filter((unit) => unit !== DAEMON.socket && unit !== DAEMON.service);
const request = ['curl', '--silent', '--fail', '--unix-socket', '/run/chimed/web.sock', 'http://x/topics'];
const EDITED = 'topics: { second: { interval: 1s, data: 1, history: 100 } }\n';

describe.skipIf(whyNot())('the Debian package', () => {
  let machine: Machine;

  const installedVersion = (): Promise<string> =>
    machine.run('dpkg-query', '--show', '--showformat=${Version} ${db:Status-Status}', 'chimed');
  const runningNode = async (): Promise<string> =>
    (await machine.sh('readlink /proc/$(systemctl show -P MainPID chimed)/exe')).trim();
  /** The number of the next message of a topic. */
  const nextSeq = async (topic: string): Promise<number> => {
    const { stdout } = await chimedAs(machine, 'root', 'listen', topic, '--count', '1');
    return Number(/#(\d+)/.exec(stdout)?.[1]);
  };

  beforeAll(async () => {
    machine = await debMachine();
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('is installed by apt, without a network, and runs', async () => {
    const began = performance.now();
    await apt(machine, 'install', DEB);
    expect(await machine.run('chimed', 'listen', 'host.load', '--count', '1')).toMatch(/host\.load #\d+ \[/);
    saw('from apt install to the first message', `${((performance.now() - began) / 1000).toFixed(1)} s`);
    await machine.run('systemctl', 'is-active', 'chimed.socket', 'chimed.service');
    await machine.run('systemctl', 'is-enabled', 'chimed.socket', 'chimed.service');
    expect(await runningNode()).toBe('/usr/lib/chimed/bin/node');
    expect((await machine.run('chimed', '--version')).trim()).toBe(version);
  });

  test('has units in which systemd finds no fault', async () => {
    const units = [...unitNames, 'chimed-takeover.service'];
    expect(await verified(machine, ...units)).toEqual({ code: 0, said: '' });
    await machine.sh('rm -rf /var/cache/man/cat*'); // It has had man format the pages that the units name.
    const text = await machine.run('systemctl', 'cat', ...unitNames);
    expect(text).not.toContain('/usr/local');
  });

  test('brings the gateway and the bridge, which are off until they are enabled', async () => {
    for (const unit of OFF_UNITS) {
      expect((await machine.attempt('systemctl', 'is-enabled', unit)).stdout).toBe('disabled\n');
      expect(await machine.property(unit, 'ActiveState')).toBe('inactive');
    }
    await machine.run('getent', 'passwd', 'chimed-web', 'chimed-nats');
    await machine.run('test', '-e', '/usr/lib/chimed/dist/gateway/page/index.html');
    await machine.run('systemctl', 'enable', '--now', 'chimed-web.socket');
    expect(await machine.run(...request)).toContain('host.load');
  });

  test('lets the members of the group connect, and no other user', async () => {
    await machine.run('usermod', '-aG', 'chimed', 'alice');
    const heard = await chimedAs(machine, 'alice', 'listen', 'host.load', '--count', '1');
    expect(heard).toMatchObject({ code: 0, stderr: '' });
    expect((await chimedAs(machine, 'mallory', 'status')).code).toBe(77);
  });

  test('upgrades and downgrades under 200 clients: none is refused, none misses a message', async () => {
    await machine.write(CONFIG, EDITED);
    await machine.run('systemctl', 'reload', 'chimed');
    await aptKeeping(machine, 'install', '--allow-downgrades', OLD_DEB);
    await using fleet = await startFleet(machine, 200, 'second');
    const opened = (): Promise<string> =>
      machine.sh('systemctl show -P ActiveEnterTimestampMonotonic chimed.socket chimed-web.socket');
    const before = await opened();
    for (const [times, deb, expected] of [
      [1, DEB, version],
      [2, OLD_DEB, OLD_VERSION],
      [3, DEB, version],
    ] as const) {
      await aptKeeping(machine, 'install', '--allow-downgrades', deb);
      await allReadyAgain(fleet, times);
      expect(await installedVersion()).toBe(`${expected} installed`);
      const status = JSON.parse(await machine.run('chimed', 'status', '--json')) as { version: string };
      expect(status.version).toBe(expected);
      const gateway = await machine.sh('readlink /proc/$(systemctl show -P MainPID chimed-web)/exe');
      expect(gateway).toBe('/usr/lib/chimed/bin/node\n'); // and not that of the former version, "(deleted)"
    }
    expect(await opened()).toBe(before);
    expect(await machine.run(...request)).toContain('second');
    const report = await endFleet(fleet);
    expect(report).toMatchObject({ missed: 0, gaps: 0, begunAgain: 0, refusals: [] });
    saw(
      'two upgrades and a downgrade of the package under 200 clients',
      `${report.refusals.length} refused, ${report.missed} missed, ${report.begunAgain} begun again, ` +
        `longest pause ${Math.round(report.slowestReturnMs)} ms`,
    );
  });

  test('keeps a configuration that was edited', async () => {
    expect(await machine.run('cat', CONFIG)).toBe(EDITED);
    await machine.run('test', '-e', `${CONFIG}.dpkg-dist`);
  });

  test('that is removed leaves the configuration and the state, and goes on from them when it comes again', async () => {
    const seq = await nextSeq('second');
    await apt(machine, 'remove', 'chimed');
    expect(
      (await machine.attempt('systemctl', 'is-active', 'chimed.service', 'chimed.socket')).code,
    ).not.toBe(0);
    expect(await machine.run('ls', '/var/lib/chimed')).not.toBe('');
    expect(await machine.run('cat', CONFIG)).toBe(EDITED);
    expect((await machine.attempt('ls', '/usr/lib/chimed', '/run/chimed')).stdout).toBe('/run/chimed:\n');
    await apt(machine, 'install', DEB);
    expect(await nextSeq('second')).toBeGreaterThan(seq);
    await machine.run('systemctl', 'is-enabled', 'chimed.socket', 'chimed.service');
  });

  test('that is purged leaves no file but the state', async () => {
    await apt(machine, 'purge', 'chimed');
    const left = await machine.sh(
      "find /etc /opt /usr /var -name '*chimed*' -not -path '/var/debs/*' | sort",
    );
    expect(left).toBe(LEFT_AFTER_PURGE);
    expect((await machine.attempt('systemctl', 'status', 'chimed')).code).toBe(4);
    await apt(machine, 'install', DEB);
    expect(await nextSeq('host.load')).toBeGreaterThan(0);
  });
});

describe.skipIf(whyNot())('the Debian package and service install', () => {
  let machine: Machine;
  const install = [...fromCheckout, 'service', 'install'];
  const fragment = (): Promise<string> => machine.property('chimed.service', 'FragmentPath');
  const accounts = (): Promise<string> =>
    machine.sh('id chimed; getent group chimed; stat -c %u:%g /var/lib/chimed');

  beforeAll(async () => {
    machine = await debMachine();
    await machine.run(...install);
    await machine.run('usermod', '-aG', 'chimed', 'alice');
    await machine.write(CONFIG, EDITED);
    await machine.run('systemctl', 'reload', 'chimed');
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('the package takes over from service install: no client is refused, the state and the group stay', async () => {
    const before = await accounts();
    await using fleet = await startFleet(machine, 20, 'second');
    await aptKeeping(machine, 'install', DEB);
    await allReadyAgain(fleet);
    expect(await fragment()).toMatch(PACKAGED_UNIT);
    expect(await machine.run('sh', '-c', 'command -v chimed')).toBe('/usr/bin/chimed\n');
    expect(await machine.sh("find /usr/local -name '*chimed*'")).toBe('');
    await machine.run('systemctl', 'is-enabled', 'chimed.socket', 'chimed.service');
    expect(await accounts()).toBe(before);
    expect(await machine.run('cat', CONFIG)).toBe(EDITED);
    const report = await endFleet(fleet);
    expect(report).toMatchObject({ missed: 0, gaps: 0, begunAgain: 0, refusals: [] });
    expect(await chimedAs(machine, 'alice', 'listen', 'second', '--count', '1')).toMatchObject({ code: 0 });
    saw(
      'the package takes over from service install',
      `${report.refusals.length} refused, ${report.missed} missed`,
    );
  });

  test('service install and uninstall refuse where the package is installed, and say what to do', async () => {
    const installing = await machine.attempt(...install);
    expect(installing.stderr).toBe(
      `chimed: the service is already installed, by the Debian package chimed ${version}; to install this chimed instead, ` +
        'run `sudo apt remove chimed` first, which keeps the configuration, the state and the group\n',
    );
    expect(installing.code).toBe(1);
    for (const [option, verb] of [
      ['--dry-run', 'remove'],
      ['--purge', 'purge'],
    ] as const) {
      const { code, stderr } = await machine.attempt('chimed', 'service', 'uninstall', option);
      expect(stderr).toBe(
        `chimed: the service belongs to the Debian package chimed; to remove it, run \`sudo apt ${verb} chimed\`\n`,
      );
      expect(code).toBe(1);
    }
    await machine.run('systemctl', 'is-active', 'chimed.socket', 'chimed.service');
  });

  test('service install takes over once the package is removed: the state and the group stay', async () => {
    const before = await accounts();
    await using fleet = await startFleet(machine, 20, 'second');
    await apt(machine, 'remove', 'chimed');
    await machine.run(...install);
    await allReadyAgain(fleet);
    expect(await fragment()).toBe('/usr/local/lib/systemd/system/chimed.service');
    await machine.run('systemctl', 'is-enabled', 'chimed.socket', 'chimed.service');
    expect(await accounts()).toBe(before);
    expect(await machine.run('cat', CONFIG)).toBe(EDITED);
    expect(await endFleet(fleet)).toMatchObject({ missed: 0, gaps: 0, begunAgain: 0 });
    expect(await machine.sh('ls -l /etc/systemd/system/*.wants/chimed.*')).not.toContain(
      '/lib/systemd/system/chimed-',
    );
  });

  test('a package that rejects the configuration does not take over, and what runs goes on', async () => {
    // The first installation again, and not one after `apt remove`, which starts the service anew.
    await apt(machine, 'purge', 'chimed');
    await machine.write(CONFIG, 'topics: { t: { interval: 1s, dat: 1 } }\n');
    const pid = await machine.property('chimed.service', 'MainPID');
    await aptKeeping(machine, 'install', DEB);
    expect(await machine.property('chimed.service', 'MainPID')).toBe(pid);
    expect(await machine.sh('journalctl --unit=chimed-takeover --boot')).toContain(
      'topics.t.dat: unknown key',
    );
    await machine.write(CONFIG, EDITED);
    await machine.run('/usr/bin/chimed', 'service', 'uninstall');
    expect(await fragment()).toMatch(PACKAGED_UNIT);
    await machine.run('systemctl', 'is-active', 'chimed.socket', 'chimed.service');
    expect(await machine.property('chimed.service', 'MainPID')).not.toBe(pid);
  });
});
