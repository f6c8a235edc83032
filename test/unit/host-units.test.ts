import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { readerOf, rootsIn } from '../helpers/host-reading.ts';

afterEach(() => vi.unstubAllEnvs());

/** A machine with systemd, whose `systemctl` is this shell script. */
function withSystemctl(folder: Folder, script: string): ReturnType<typeof readerOf> {
  mkdirSync(folder.file('root/run/systemd/system'), { recursive: true });
  writeFileSync(folder.file('systemctl'), `#!/bin/sh\n${script}\n`);
  chmodSync(folder.file('systemctl'), 0o755);
  vi.stubEnv('PATH', `${folder.path}:${process.env['PATH']}`);
  return readerOf('units', rootsIn(folder.path), { topic: folder.path });
}

test('units are counted by state, and those that have failed are named', async () => {
  using folder = temporaryFolder();
  const units = withSystemctl(
    folder,
    String.raw`printf '%s\n' \
      'backup.service                     loaded    failed     failed    Nightly backup' \
      'dbus.service                       loaded    active     running   D-Bus System Message Bus' \
      'dev-disk-by\x2dlabel-root.device   loaded    active     plugged   failed disk' \
      'mnt.mount                          loaded    failed     failed    /mnt' \
      'ssh.service                        loaded    activating start-pre OpenBSD Secure Shell server' \
      'syslog.service                     not-found inactive   dead      syslog.service' ''`,
  );
  expect(await units.sample()).toEqual({
    failed: ['backup.service', 'mnt.mount'],
    active: 2,
    states: { active: 2, failed: 2, activating: 1, inactive: 1 },
  });
});

test('200 failed units are named and all are counted', async () => {
  using folder = temporaryFolder();
  const units = withSystemctl(
    folder,
    'for n in $(seq 300); do echo "job@$n.service loaded failed failed Job"; done',
  );
  const { failed, states } = (await units.sample()) as { failed: string[]; states: object };
  expect(failed).toHaveLength(200);
  expect(states).toEqual({ active: 0, failed: 300 });
});

test('a systemctl that fails is a failure that says why', async () => {
  using folder = temporaryFolder();
  const units = withSystemctl(
    folder,
    'echo "Failed to connect to bus: No such file or directory" >&2; exit 1',
  );
  await expect(units.sample()).rejects.toThrow(
    /^cannot list systemd's units: the command exited with 1: Failed to connect to bus: No such file or directory; check/,
  );
});

test('a machine without systemd has no units', async () => {
  using folder = temporaryFolder();
  await expect(readerOf('units', rootsIn(folder.path)).sample()).rejects.toThrow(
    'systemd is not running on this machine',
  );
  if (!existsSync('/run/systemd/system'))
    await expect(readerOf('units').sample()).rejects.toThrow('systemd is not running on this machine');
});
