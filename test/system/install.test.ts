import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { COMPLETIONS, MANUAL } from '../../src/service/layout.ts';
import { PAGE_MARK } from '../../src/service/shared-files.ts';
import {
  CONFIG,
  allReadyAgain,
  chimedAs,
  endFleet,
  fromCheckout,
  startFleet,
  verified,
} from './installed.ts';
import { CHECKOUT, Machine, whyNot } from './machine.ts';
import { saw } from './seen.ts';

const install = [...fromCheckout, 'service', 'install'];
/** Where an installation leaves its traces. */
const PLACES = [
  '/usr/local/lib /usr/local/bin /etc/chimed /etc/systemd/system /run/chimed',
  '/var/lib/chimed /var/lib/private/chimed /var/cache/chimed',
].join(' ');

describe.skipIf(whyNot())('chimed service', () => {
  let machine: Machine;
  let before: string;

  const files = (): Promise<string> =>
    machine.sh(`
      find ${PLACES} -path '*/lib/chimed/*' -prune -o -print 2>/dev/null | sort || true
      find /usr/local/share ! -type d | sort`);

  beforeAll(async () => {
    machine = await Machine.boot();
    await machine.sh('useradd --create-home alice; useradd --create-home mallory');
    before = await files();
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('is for root alone', async () => {
    const { code, stderr } = await machine.attempt('runuser', '-u', 'alice', '--', ...install);
    const node = await machine.run('realpath', fromCheckout[0]!);
    expect(stderr).toBe(
      `chimed: only root can install the service. Run: sudo ${node.trim()} ${fromCheckout[1]} service install\n`,
    );
    expect(code).toBe(77);
  });

  test('install --dry-run prints the steps and does none', async () => {
    const plan = await machine.run(...install, '--dry-run');
    expect(plan).toContain('write /etc/chimed/chimed.yaml\n');
    expect(plan).toContain('systemctl restart chimed.socket chimed.service\n');
    expect(await files()).toBe(before);
  });

  test('install ends when the daemon is ready, and says what it did', async () => {
    const began = performance.now();
    const said = await machine.run(...install);
    saw('install, until READY', `${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(said).toContain('write /usr/local/bin/chimed\n');
    expect(said).toContain('usermod -aG chimed alice');
    expect(said).toContain('systemctl enable --now chimed-web.socket');
    await machine.run('systemctl', 'is-active', 'chimed.socket', 'chimed.service');
    await machine.run('systemctl', 'is-enabled', 'chimed.socket', 'chimed.service');
    expect(await machine.run('chimed', 'listen', 'host.load', '--count', '1')).toMatch(/host\.load #1 \[/);
  });

  test('installs manual pages and completions, which only root can change', async () => {
    const found = await machine.sh(
      `find /usr/local/share -name '*chimed*' ! -type d -printf '%P %y %m %U:%G\\n' | sort`,
    );
    const pages = (await machine.sh(`cd ${CHECKOUT}/dist && find man -type f`)).trim().split('\n');
    const all = [
      ...pages,
      'bash-completion/completions/chimed',
      'fish/vendor_completions.d/chimed.fish',
      'zsh/site-functions/_chimed',
    ];
    expect(pages).toContain('man/man1/chimed-listen.1');
    expect(found.trim().split('\n').toSorted()).toEqual(all.map((path) => `${path} f 644 0:0`).toSorted());
  });

  test('the copy needs neither the checkout nor its Node', async () => {
    const executable = await machine.sh('readlink /proc/$(systemctl show -P MainPID chimed)/exe');
    expect(executable.trim()).toMatch(/^\/usr\/local\/lib\/chimed\/versions\/[^/]+\/bin\/node$/);
    const loaded = await machine.sh('cat /proc/$(systemctl show -P MainPID chimed)/maps');
    expect(loaded).toContain('/usr/local/lib/chimed/');
    expect(loaded).not.toContain('/srv/chimed/');
  });

  test('systemd finds no fault with the units, and little exposure', async () => {
    expect(await verified(machine, 'chimed.service', 'chimed.socket')).toEqual({ code: 0, said: '' });
    const report = await machine.run('systemd-analyze', 'security', '--no-pager', 'chimed.service');
    const exposure = Number(/Overall exposure level for chimed.service: ([\d.]+)/.exec(report)?.[1]);
    saw('systemd-analyze security', exposure);
    expect(exposure).toBeLessThanOrEqual(1.3); // What true answers to sources cost.
  });

  test('who is in the group may connect, and nobody else', async () => {
    const refused = await chimedAs(machine, 'alice', 'listen', 'host.load', '--count', '1', '--for', '5s');
    await machine.run('usermod', '-aG', 'chimed', 'alice');
    const heard = await chimedAs(machine, 'alice', 'listen', 'host.load', '--count', '1');
    expect(heard).toMatchObject({ code: 0, stderr: '' });
    const stranger = await chimedAs(machine, 'mallory', 'status');
    for (const { stderr } of [refused, stranger]) {
      expect(stderr).toContain(
        'permission denied: /run/chimed/chimed.sock; ask an administrator to run `usermod -aG chimed',
      );
    }
    expect(stranger.code).toBe(77);
    saw('a stranger', stranger.stderr.trim());
  });

  test('install again upgrades in place: nobody is refused, and the numbering goes on', async () => {
    await machine.write(CONFIG, 'topics: { second: { interval: 1s, data: 1, history: 100 } }\n');
    await machine.run('systemctl', 'reload', 'chimed');
    await using fleet = await startFleet(machine, 20, 'second');
    const pid = await machine.property('chimed.service', 'MainPID');
    await machine.run(...install);
    await allReadyAgain(fleet);
    expect(await machine.property('chimed.service', 'MainPID')).not.toBe(pid);
    expect(await machine.run('cat', CONFIG)).toContain('second');
    const report = await endFleet(fleet);
    expect(report).toMatchObject({ missed: 0, gaps: 0, begunAgain: 0, refusals: [] });
    saw('upgrade under 20 clients', `${report.refusals.length} refused, ${report.missed} messages missed`);
  });

  test('install refuses a configuration that the new version rejects, and changes nothing', async () => {
    const everything = `find ${PLACES} ! -path /usr/local/lib/chimed/versions -printf '%p %i %m %U:%G %T@ %l\\n' | sort`;
    const pid = await machine.property('chimed.service', 'MainPID');
    await machine.write('/tmp/good.yaml', await machine.run('cat', CONFIG));
    await machine.write(CONFIG, 'topics: { t: { interval: 1s, dat: 1 } }\n');
    await machine.sh('echo "# of an older version" >> /usr/local/lib/sysusers.d/chimed.conf');
    const untouched = await machine.sh(everything);
    const { code, stderr } = await machine.attempt(...install);
    expect(stderr).toContain('Upgrade cancelled; nothing was changed.');
    expect(stderr).toContain('topics.t.dat: unknown key');
    expect(code).toBe(78);
    expect(await machine.property('chimed.service', 'MainPID')).toBe(pid);
    expect(await machine.sh(everything)).toBe(untouched);
    await machine.sh(`cp /tmp/good.yaml ${CONFIG}`);
  });

  test("keeps somebody else's command", async () => {
    await machine.sh('ln -sf /usr/lib/node_modules/chimed/dist/cli/main.js /usr/local/bin/chimed');
    expect(await machine.run(...install)).toContain('keep /usr/local/bin/chimed, which was not');
    await machine.run(...fromCheckout, 'service', 'uninstall', '--dry-run');
    expect(await machine.run('readlink', '/usr/local/bin/chimed')).toContain('/usr/lib/node_modules');
    await machine.sh('rm /usr/local/bin/chimed');
    await machine.run(...install);
  });

  test("removes pages that it no longer has, and keeps somebody else's", async () => {
    const [page, script] = [`${MANUAL}/man1/chimed.1`, COMPLETIONS._chimed];
    await machine.write(`${MANUAL}/man1/chimed-former.1`, `${PAGE_MARK}\n.Dd\n`);
    await machine.write(page, '.\\" of a package\n');
    await machine.sh(`ln -sf /etc/hostname ${script}`);
    const said = await machine.run(...install);
    expect(said).toContain(`write manual pages to ${MANUAL}; keep ${page}, which chimed did not install\n`);
    expect(said).toContain(`keep ${script}, which chimed did not install\n`);
    expect(said).toContain(`remove ${MANUAL}/man1/chimed-former.1\n`);
    const plan = await machine.run(...fromCheckout, 'service', 'uninstall', '--dry-run');
    expect(plan).toContain(`remove ${MANUAL}/man1/chimed-listen.1\n`);
    expect(plan).not.toContain(page);
    expect(plan).not.toContain(script);
    expect(await machine.run('cat', page)).toBe('.\\" of a package\n');
    expect(await machine.run('readlink', script)).toBe('/etc/hostname\n');
    await machine.sh(`rm ${page} ${script}`);
    await machine.run(...install);
  });

  test('uninstall leaves nothing but the configuration, and --purge not even that', async () => {
    await machine.run('chimed', 'service', 'uninstall');
    expect(await machine.attempt('systemctl', 'status', 'chimed')).toMatchObject({ code: 4 });
    expect(await machine.run('cat', CONFIG)).toContain('second');
    await machine.run(...fromCheckout, 'service', 'uninstall', '--purge');
    expect(await files()).toBe(before);
    expect((await machine.attempt('getent', 'group', 'chimed')).stdout).toBe('');
    expect((await machine.attempt('id', 'chimed')).code).not.toBe(0);
    saw('left after uninstall --purge', 'nothing');
  });
});
