import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { root } from '../helpers/program.ts';
import { CHECKOUT, Machine } from '../system/machine.ts';

export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string })
  .version;

/** The package that `npm run deb` has made. */
export function debOf(architecture: string): string {
  return join(root, 'packages', `chimed_${version}_${architecture}.deb`);
}

/** The package of this machine's architecture, by its path in a `Machine`. */
export const DEB = join(CHECKOUT, relative(root, debOf(process.arch === 'x64' ? 'amd64' : process.arch)));
/** The same code in a package of an older version, whose configuration file has another comment. */
export const OLD_VERSION = '0.0.9';
export const OLD_DEB = '/var/debs/chimed-old.deb';

const APT = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '--yes', '-o', 'Dpkg::Use-Pty=0'];

/** A machine with alice and mallory and with `OLD_DEB`, and without chimed. */
export async function debMachine(): Promise<Machine> {
  const machine = await Machine.boot();
  // Images for containers keep packages from starting services.
  await machine.sh(`
    rm -f /usr/sbin/policy-rc.d
    useradd --create-home alice; useradd --create-home mallory
    mkdir -p /var/debs; dpkg-deb --raw-extract ${DEB} /var/debs/tree; cd /var/debs/tree
    sed -i 's/^Version: .*/Version: ${OLD_VERSION}/' DEBIAN/control
    sed -i 's/"version": ".*"/"version": "${OLD_VERSION}"/' usr/lib/chimed/package.json
    echo '# of the older version' >> etc/chimed/chimed.yaml
    dpkg-deb --build -Znone . ${OLD_DEB}; rm -r /var/debs/tree`);
  return machine;
}

/** `apt-get …`, which asks nothing. */
export function apt(machine: Machine, ...args: string[]): Promise<string> {
  return machine.run(...APT, ...args);
}

/** Like `apt`, and keeps a configuration file that was edited. */
export function aptKeeping(machine: Machine, ...args: string[]): Promise<string> {
  return apt(machine, '-o', 'Dpkg::Options::=--force-confold', ...args);
}
