import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { chimedAs, copyCheckout, fromCheckout } from './installed.ts';
import { Machine, whyNot } from './machine.ts';
import { saw } from './seen.ts';

const CHECKOUT = '/home/alice/chimed';
/** All that is installed, but for directories of the machine's own. */
const INSTALLED = [
  '/usr/local/lib/chimed /usr/local/bin/chimed /etc/chimed /usr/local/lib/sysusers.d/chimed.conf',
  '/usr/local/lib/systemd/system/chimed.service /usr/local/lib/systemd/system/chimed.socket',
].join(' ');

describe.skipIf(whyNot())('chimed service install', () => {
  let machine: Machine;
  /** How alice has it installed, by sudo. */
  let install: string[];

  /** What of all that is installed anybody but root could change. */
  const exposed = (): Promise<string> =>
    machine.sh(
      `find ${INSTALLED} \\( ! -uid 0 -o ! -gid 0 -o ! -type l -perm /7022 \\) -printf '%p %u:%g %m\\n'`,
    );
  const current = (): Promise<string> =>
    machine.sh('ls /usr/local/lib/chimed/versions; readlink /usr/local/lib/chimed/current');
  const working = async (): Promise<void> => {
    const { code, stderr } = await chimedAs(machine, 'root', 'listen', 'host.load', '--count', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  };

  beforeAll(async () => {
    machine = await Machine.boot();
    await machine.sh('useradd --create-home alice; useradd --create-home mallory');
    const uid = (await machine.run('id', '--user', 'alice')).trim();
    install = [
      'env',
      `SUDO_UID=${uid}`,
      ...(await copyCheckout(machine, 'alice', CHECKOUT)),
      'service',
      'install',
    ];
  });

  afterAll(() => machine?.[Symbol.asyncDispose]());

  test.each(['0', '077'])(
    "from alice's checkout installs nothing of alice's, with an umask of %s",
    async (umask) => {
      await machine.sh(`umask ${umask}; ${install.join(' ')}`);
      const count = await machine.sh(`find ${INSTALLED} | wc -l`);
      expect(await exposed()).toBe('');
      saw(`files that anybody but root could change, umask ${umask}`, `0 of ${count.trim()}`);
      expect(await machine.sh(`find ${INSTALLED} ! -type l ! -perm -044`)).toBe('');
      await working();
      expect((await chimedAs(machine, 'alice', '--version')).code).toBe(0);
    },
  );

  test('runs no program that lies in the PATH, and passes no variables on', async () => {
    await machine.sh(`
      mkdir -p /home/mallory/bin
      for name in systemctl systemd-sysusers getent chmod sync kill sh node; do
        printf '#!/bin/sh\\n: > /tmp/planted-%s\\n' $name > /home/mallory/bin/$name
      done
      chmod +x /home/mallory/bin/*; cd /home/mallory
      /usr/bin/env PATH=/home/mallory/bin LD_DEBUG=files LD_DEBUG_OUTPUT=/tmp/planted- ${fromCheckout.join(' ')} service install`);
    const planted = await machine.sh('ls /tmp | grep planted- || true');
    // The dynamic linker's own notes are those of our process, started with these variables, alone.
    expect(planted.split('\n').filter(Boolean)).toHaveLength(1);
    await working();
  });

  test('leaves no way in to those who could write to what was there, and have it open', async () => {
    await machine.sh(`chown -R alice: ${INSTALLED}`);
    const alice = machine.start(
      'runuser',
      '-u',
      'alice',
      '--',
      'sh',
      '-c',
      `
      exec 3>>/usr/local/lib/chimed/current/dist/cli/main.js 4>>/usr/local/lib/systemd/system/chimed.service
      exec 5>>/usr/local/lib/systemd/system/chimed.socket 6>>/usr/local/bin/chimed 7>>/etc/chimed/chimed.yaml
      exec 8>>/usr/local/lib/sysusers.d/chimed.conf
      cd /usr/local/lib/chimed
      echo opened; read go
      for fd in 3 4 5 6 7 8; do echo '# alice' >&$fd; done
      ln -sfn /home/alice current; : > hers; cd versions && : > hers
      echo tried`,
    );
    await alice.stdout.find((line) => line === 'opened');
    await machine.run(...install);
    alice.child.stdin!.write('go\n');
    expect(await alice.ended).not.toBe(0);
    expect(alice.output.stderr).toContain('Permission denied');
    expect(await exposed()).toBe('');
    expect((await machine.attempt('grep', '-r', '# alice', ...INSTALLED.split(' '))).stdout).toBe('');
    expect((await machine.attempt('sh', '-c', 'find /usr/local/lib/chimed -name hers')).stdout).toBe('');
    await working();
  });

  test.each([
    ['a file that everybody can write to', 'chmod o+w dist/cli/main.js', 'every user can write to'],
    [
      'a file of a dependency that everybody can write to',
      'chmod o+w node_modules/koffi/index.js',
      'every user can write to',
    ],
    [
      'a directory that everybody can write to, be it sticky',
      'chmod 1777 dist/cli',
      'every user can write to',
    ],
    [
      'a directory that another user can write to by her group',
      'chgrp mallory dist; chmod g+w dist',
      'the group mallory can write to',
    ],
    [
      "a member in the owner's group",
      'usermod -aG alice mallory; chmod g+w dist',
      'the group alice can write to',
    ],
    ['a file that belongs to another user', 'chown mallory config/service.yaml', 'belongs to mallory'],
    [
      'a directory above that everybody can write to',
      'chmod o+w /home/alice',
      'every user can write to /home/alice',
    ],
    [
      'a directory above that belongs to another user',
      'chown mallory /home/alice',
      '/home/alice belongs to mallory',
    ],
    ['an access control list', `python3 -c "${setAccessList()}" dist 1002`, 'an access control list'],
    [
      'a link that leads out of the package',
      'ln -s /etc/shadow dist/shadow.js',
      'leads out of its package, to /etc/shadow',
    ],
    ['a link to a directory', 'ln -s ../config dist/config', 'does not lead to a file'],
    [
      'a dependency that is a link out of the project',
      'mv node_modules/koffi /home/alice/koffi; ln -s /home/alice/koffi node_modules/koffi',
      'leads out of the project',
    ],
    ['a pipe', 'mkfifo dist/pipe.js', 'is not a regular file'],
  ])('refuses %s', async (_, spoil, complaint) => {
    const before = await current();
    await machine.sh(`cp -a /home/alice /home/kept; cd ${CHECKOUT}; ${spoil}`);
    const { code, stdout, stderr } = await machine.attempt(...install);
    await machine.sh('rm -rf /home/alice; mv /home/kept /home/alice; gpasswd --delete mallory alice || true');
    expect(stderr).toMatch(/^chimed: .*\n$/);
    expect(stderr).toContain(complaint);
    expect(stdout).not.toContain('copy');
    expect(code).toBe(1);
    expect(await current()).toBe(before);
  });

  test('refuses a checkout of alice to mallory, who calls sudo', async () => {
    const uid = (await machine.run('id', '--user', 'mallory')).trim();
    const { code, stderr } = await machine.attempt('env', `SUDO_UID=${uid}`, ...install.slice(2));
    expect(stderr).toContain('belongs to alice');
    expect(code).toBe(1);
  });

  test.each([
    ["files that only the owner's own group can write to", `chmod -R g+w ${CHECKOUT}`],
    ['a link inside the package', `ln -s main.js ${CHECKOUT}/dist/cli/other.js`],
  ])('accepts %s', async (_, change) => {
    await machine.sh(change);
    await machine.run(...install);
    expect(await exposed()).toBe('');
  });

  test('accepts a checkout in /tmp, and without sudo one that is all of one user', async () => {
    const command = await copyCheckout(machine, 'alice', '/tmp/alice/chimed');
    await machine.sh('chown alice: /tmp/alice');
    await machine.run(...command, 'service', 'install');
    expect(await exposed()).toBe('');
  });

  test.each(['/usr/local/lib', '/usr/local/bin', '/usr/local/lib/systemd', '/usr/local'])(
    'refuses to install to %s if that belongs to another user',
    async (directory) => {
      await machine.run('chown', 'mallory', directory);
      const { code, stderr } = await machine.attempt(...install);
      await machine.run('chown', 'root', directory);
      expect(stderr).toContain(`${directory} belongs to mallory. Only root must be able to change it.`);
      expect(code).toBe(1);
    },
  );

  test.each([
    ['a link that leads nowhere', 'ln -sfn versions/none $L/current'],
    ['a directory in the place of the link', 'rm $L/current; mkdir -p $L/current/bin'],
    ['no versions', 'rm -r $L/versions'],
    [
      'a link in the place of the versions',
      'rm -r $L/versions; mkdir /etc/precious; ln -s /etc/precious $L/versions',
    ],
    ['a version without its files', 'rm -r $L/versions/*/dist $L/versions/*/bin'],
    ['a library of another user', 'chown -R mallory: $L; chmod -R o+w $L'],
    ["another user's configuration", 'chown -R mallory /etc/chimed; chmod -R o+w /etc/chimed'],
    [
      "a unit that is a link to another user's file",
      'mv $U /home/mallory/unit; chown mallory /home/mallory/unit; ln -s /home/mallory/unit $U',
    ],
    ['no units and no command', 'rm /usr/local/lib/systemd/system/chimed.* /usr/local/bin/chimed'],
    ['a unit that everybody can write to', 'chmod o+w $U'],
  ])('repairs %s', async (_, spoil) => {
    await machine.sh(`L=/usr/local/lib/chimed U=/usr/local/lib/systemd/system/chimed.service; ${spoil}`);
    await machine.run(...install);
    expect(await exposed()).toBe('');
    await working();
  });

  test('writes through no link', async () => {
    expect(await machine.sh('find /etc/precious -mindepth 1')).toBe('');
    expect(await machine.sh('stat --format=%U /home/mallory/unit')).toBe('mallory\n');
  });

  test("root's commands leave nothing behind that others can write to", async () => {
    await machine.sh('umask 0; chimed status; chimed check /etc/chimed/chimed.yaml');
    expect(await exposed()).toBe('');
  });
});

/** Python that gives the user argv[2] write access to the file argv[1], and leaves other users' bits alone. */
function setAccessList(): string {
  const all = 0xffffffff;
  const entries = [
    [1, 7, all],
    [2, 7, 'int(sys.argv[2])'],
    [4, 5, all],
    [16, 7, all],
    [32, 5, all],
  ];
  const packed = entries.map((entry) => `struct.pack('<HHI', ${entry.join(', ')})`).join(' + ');
  return `import os, struct, sys; os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + ${packed})`;
}
