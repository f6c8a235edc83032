import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { saw } from '../system/seen.ts';
import { debOf } from './packages.ts';

const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];

/** Why piuparts cannot run here; undefined if it can. */
function whyNotPiuparts(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root, to make a chroot';
  const missing = ['piuparts', 'mmdebstrap'].filter(
    (program) => spawnSync(program, ['--version']).status !== 0,
  );
  if (missing.length > 0) return `programs are missing: apt-get install ${missing.join(' ')}`;
  if (mirror() === undefined) return 'apt knows no mirror of this release';
  return undefined;
}

/** Where apt itself gets this machine's release from. */
function mirror(): string | undefined {
  const format = ['--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', ['indextargets', ...format], { encoding: 'utf8' });
  return new RegExp(`^(\\S+) ${codename}$`, 'm').exec(stdout)?.[1];
}

const reason = whyNotPiuparts();
if (reason !== undefined) process.stderr.write(`\nSKIPPED: piuparts; ${reason}\n\n`);

test.skipIf(reason)('piuparts finds nothing that is left behind', () => {
  using folder = temporaryFolder();
  const base = folder.file('base.tar.gz');
  // With a systemd that stays: what its own removal leaves behind is none of ours.
  const included = ['--mode=root', '--variant=apt', '--include=systemd,systemd-sysv'];
  const made = spawnSync('mmdebstrap', [...included, codename!, base, mirror()!], { encoding: 'utf8' });
  expect(made.status, made.stderr).toBe(0);
  const deb = debOf(process.arch === 'x64' ? 'amd64' : process.arch);
  const options = ['--basetgz', base, '--distribution', codename!, '--mirror', mirror()!];
  const { status, stdout, stderr } = spawnSync('piuparts', [...options, '--no-upgrade-test', deb], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  expect(status, stdout.slice(-4000) + stderr).toBe(0);
  expect(stdout).toContain('PASS: All tests.');
  saw('piuparts', 'PASS: All tests.');
});
