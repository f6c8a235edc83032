import { closeSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Checkout } from './checkout.ts';
import { command } from './run-program.ts';
import type { InstallerLibc } from './installer-libc.ts';
import { copyInto, damageOf, openDirectories } from './root-files.ts';

/**
 * Makes a copy of the package that stands alone: with its dependencies, and the Node that runs us. It grows in a
 * directory that only root can enter, and is opened when all of it is root's.
 * @throws if another user could change the original, or the copy is not as it must be.
 */
export function copyPackage(to: string, libc: InstallerLibc): void {
  const checkout = new Checkout(libc);
  const files = checkout.files();
  mkdirSync(to, { mode: 0o700 });
  chownSync(to, 0, 0);
  for (const file of files) {
    const place = join(to, file.to);
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    const { fd, isProgram } = checkout.open(file.from);
    try {
      copyInto(place, fd, isProgram ? 0o755 : 0o644);
    } finally {
      closeSync(fd);
    }
  }
  openDirectories(to);
  const damage = damageOf(to);
  if (damage !== undefined) throw new Error(`the copy is not root's alone: ${damage}`);
  // After a power cut the link to the copy must not be there without the copy.
  command('sync', '-f', to);
}
