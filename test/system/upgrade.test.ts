import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { allReadyAgain, chimedAs, copyCheckout, endFleet, fromCheckout, startFleet } from './installed.ts';
import { CHECKOUT, Machine, whyNot } from './machine.ts';
import { saw } from './seen.ts';

const install = [...fromCheckout, 'service', 'install'];
const LIBRARY = '/usr/local/lib/chimed';
const UNIT_DIRECTORY = '/usr/local/lib/systemd/system';

/**
 * What a machine does that boots. Where a service ends and begins within a second, systemd 252 sometimes removes the
 * group of the first process from under the second (219/CGROUP), so a restart that fails is tried once more.
 */
const restart = `systemctl daemon-reload
  systemctl restart chimed.socket chimed.service || systemctl restart chimed.socket chimed.service`;

/** Turns an installation into one of version 0.1, whose files were right in the library; run from $CURRENT. */
const asVersion01 = `
  cd ${LIBRARY}; mv versions/*/* .; rm -r versions current ${UNIT_DIRECTORY}/chimed-web.* ${UNIT_DIRECTORY}/chimed-nats.*
  sed -i 's,/chimed/current/,/chimed/,g' ${UNIT_DIRECTORY}/chimed.* /usr/local/bin/chimed
  sed -i '/^# Installed by/d' /usr/local/bin/chimed
  ${restart}`;

describe.skipIf(whyNot())('an upgrade of the service', () => {
  let machine: Machine;
  /** `service install` of a version whose daemon does not start. */
  let installBroken: string[];

  const current = async (): Promise<string> =>
    (await machine.run('readlink', '--canonicalize', `${LIBRARY}/current`)).trim();
  const versions = async (): Promise<string[]> =>
    (await machine.run('ls', `${LIBRARY}/versions`)).split('\n').filter(Boolean);
  const runningNode = async (): Promise<string> =>
    (await machine.sh('readlink /proc/$(systemctl show -P MainPID chimed)/exe')).trim();
  /** What is installed, but for what is not ours and for the numbers of the files. */
  const installed = (): Promise<string> =>
    machine.sh(`
      sha256sum ${UNIT_DIRECTORY}/chimed* /usr/local/bin/chimed /usr/local/lib/sysusers.d/chimed.conf /etc/chimed/*
      find /usr/local/share -name '*chimed*' ! -type d -exec sha256sum {} + | sort
      readlink ${LIBRARY}/current || true; ls ${LIBRARY} ${LIBRARY}/versions 2>/dev/null || true
      ls -l /etc/systemd/system/*.wants/chimed* || true`);
  const working = async (): Promise<void> => {
    const { code, stderr } = await chimedAs(machine, 'root', 'listen', 'host.load', '--count', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  };

  beforeAll(async () => {
    machine = await Machine.boot();
    const [node, main] = await copyCheckout(machine, 'root', '/srv/broken');
    await machine.sh(`
      useradd --create-home alice
      cd /srv/broken
      sed -i "s/^async function serve(.*{$/&throw new Error('this build is broken');/" dist/cli/serve.js
      grep -q broken dist/cli/serve.js
      sed -i 's/^Backlog=.*/Backlog=77/' systemd/chimed.socket
      cp dist/man/man1/chimed.1 dist/man/man1/chimed-broken.1
      for file in systemd/chimed* dist/man/man1/* dist/completions/*; do echo '# of the broken version' >> $file; done`);
    installBroken = [node!, main!, 'service', 'install'];
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test('that is the first installation and fails leaves nothing behind', async () => {
    const { code, stderr } = await machine.attempt(...installBroken);
    expect(stderr).toContain('did not become ready');
    expect(stderr).toContain('Everything that had been installed was removed.');
    expect(code).toBe(1);
    const { stdout } = await machine.attempt(
      'sh',
      '-c',
      `find /etc /usr/local /run -name 'chimed*' -not -path '/run/host/*'`,
    );
    expect(stdout).toBe('');
    expect((await machine.attempt('systemctl', 'status', 'chimed')).code).toBe(4);
  });

  describe.each(['the same layout', 'version 0.1'])('from %s', (from) => {
    beforeEach(async () => {
      await machine.attempt(...fromCheckout, 'service', 'uninstall', '--purge');
      await machine.run(...install);
      await machine.run('usermod', '-aG', 'chimed', 'alice');
      if (from === 'version 0.1') await machine.sh(asVersion01);
    });

    test('to a version that does not become ready goes back to what ran', async () => {
      const before = await installed();
      const node = await runningNode();
      await using fleet = await startFleet(machine, 5, 'host.load');
      const { code, stderr } = await machine.attempt(...installBroken);
      expect(stderr).toMatch(
        /did not become ready: .*chimed 0\.1[-.0-9a-f]* was put back and runs again\.\n$/s,
      );
      expect(code).toBe(1);
      expect(await installed()).toBe(before);
      expect(await runningNode()).toBe(node);
      expect(await machine.property('chimed.socket', 'Backlog')).toBe('4096');
      await allReadyAgain(fleet);
      expect(await endFleet(fleet)).toMatchObject({ gaps: 0 });
      saw(`upgrade from ${from} to a version that does not start`, stderr.trim().split('. ').at(-1)!);
      await machine.run(...install);
      await working();
    });

    test('that is killed at any step leaves a machine that starts, and can be done again', async () => {
      await machine.sh(
        `cp -a ${LIBRARY} /var/kept-library; cp -a ${UNIT_DIRECTORY} /var/kept-units; cp -a /usr/local/bin/chimed /var/kept-command`,
      );
      let step = 0;
      for (let code = -1; code !== 0; step++) {
        const program = [fromCheckout[0]!, `${CHECKOUT}/test/system/install-until.ts`, String(step)];
        const result = await machine.attempt(...program);
        code = result.code;
        await machine.sh(restart);
        await working();
        if (from === 'version 0.1') {
          await machine.sh(`
            rm -r ${LIBRARY}; cp -a /var/kept-library ${LIBRARY}
            cp -a /var/kept-units/. ${UNIT_DIRECTORY}; cp -a /var/kept-command /usr/local/bin/chimed
            ${restart}`);
        }
      }
      await machine.run(...install);
      await working();
      expect(await versions()).toHaveLength(1);
      expect(await machine.run('ls', LIBRARY)).toBe('current\nversions\n');
      await machine.sh('rm -r /var/kept-*');
      saw(`killed at each step of an upgrade from ${from}`, `${step} steps, each left a machine that starts`);
    }, 600_000);

    test('that is killed as it copies leaves a machine that starts, and can be done again', async () => {
      await machine.sh(`
        mkdir -p ${LIBRARY}/versions; before=$(ls ${LIBRARY}/versions)
        ${install.join(' ')} & pid=$!
        until ls ${LIBRARY}/versions/*/node_modules/.bin ${LIBRARY}/versions/*/dist 2>/dev/null | grep -q main || test "$(ls ${LIBRARY}/versions)" != "$before"; do :; done
        kill -9 $pid; wait $pid || true
        ${restart}`);
      await working();
      await machine.run(...install);
      expect(await versions()).toHaveLength(1);
      await working();
    });

    test('keeps the files of what runs until it has ended', async () => {
      const former = (await runningNode()).replace('/bin/node', '');
      const alice = machine.start('runuser', '-u', 'alice', '--', 'chimed', 'listen', 'host.load');
      await alice.stdout.find((line) => line.includes('host.load #'));
      const said = await machine.run(...install);
      expect(said).toMatch(/keep .* until the next installation: process \d+ runs from it\n/);
      await machine.run('test', '-e', `${former}/dist/cli/module-process.js`);
      await machine.run('pkill', '--uid', 'alice');
      await alice.ended;
      expect(await machine.run(...install)).toContain('remove ');
      expect(await machine.run('ls', LIBRARY)).toBe('current\nversions\n');
      expect(await versions()).toHaveLength(1);
    });

    test('opens the socket again if its unit has changed, and only then', async () => {
      const since = (): Promise<string> => machine.property('chimed.socket', 'ActiveEnterTimestampMonotonic');
      const opened = await since();
      await machine.run(...install);
      expect(await since()).toBe(opened);
      await machine.sh(`
        sed -i 's/^Backlog=.*/Backlog=77/' ${UNIT_DIRECTORY}/chimed.socket
        ${restart}`);
      expect(await machine.property('chimed.socket', 'Backlog')).toBe('77');
      await machine.run(...install);
      expect(await machine.property('chimed.socket', 'Backlog')).toBe('4096');
      await working();
    });

    test('replaces a command script of ours that somebody has changed', async () => {
      await machine.sh('echo "# changed" >> /usr/local/bin/chimed');
      expect(await machine.run(...install)).toContain('write /usr/local/bin/chimed\n');
      expect(await machine.run('cat', '/usr/local/bin/chimed')).not.toContain('# changed');
      await working();
    });

    test('does not go back to a version that another user could have changed', async () => {
      await machine.sh(`chown -R alice ${LIBRARY}`);
      const { code, stderr } = await machine.attempt(...installBroken);
      expect(stderr).toMatch(
        /was not put back, since another user may have changed it \(.* belongs to \d+:0\)\. The new version is in its place/,
      );
      expect(code).toBe(1);
      await machine.run(...install);
      await working();
      expect(await machine.sh(`find ${LIBRARY} ! -uid 0`)).toBe('');
    });

    test('is undone by uninstall, with all that it left', async () => {
      await machine.run('chimed', 'service', 'uninstall', '--purge');
      expect(
        (await machine.attempt('ls', '-d', LIBRARY, '/usr/local/bin/chimed', '/etc/chimed')).stdout,
      ).toBe('');
    });
  });

  test('does not blame the version for what systemd could not prepare', async () => {
    await machine.run(...install);
    // What the unit needs goes when the former daemon ends, and comes again once the new one could not be started.
    await machine.sh(`
      touch /run/prepared; mkdir /etc/systemd/system/chimed.service.d
      { echo '[Service]'; echo LoadCredential=prepared:/run/prepared
        echo "ExecStopPost=+/bin/sh -c 'rm /run/prepared || touch /run/prepared'"
      } > /etc/systemd/system/chimed.service.d/prepared.conf
      systemctl daemon-reload; systemctl restart chimed.service || systemctl restart chimed.service`);
    const before = await current();
    await machine.run(...install);
    await working();
    expect(await machine.sh('journalctl --unit=chimed --boot')).toContain('status=243/CREDENTIALS');
    expect(await current()).not.toBe(before);
    await machine.sh('rm -r /etc/systemd/system/chimed.service.d; systemctl daemon-reload');
  });

  test('does not run beside another', async () => {
    await machine.run(...install);
    const former = await current();
    const held = machine.start('flock', '--exclusive', LIBRARY, 'sh', '-c', 'echo locked; read go');
    await held.stdout.find((line) => line === 'locked');
    const { code, stderr } = await machine.attempt(...install);
    expect(stderr).toContain('another installation is running');
    expect(code).toBe(1);
    expect(await current()).toBe(former);
    held.child.stdin!.end();
    await held.ended;
  });
});
