import { closeSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Checkout } from '../../src/service/checkout.ts';
import { CONFIG, PACKAGE, commandScript } from '../../src/service/layout.ts';
import { loadLibc } from '../../src/service/installer-libc.ts';
import { PACKAGED } from '../../src/service/packaged.ts';

/** Where completions are for all users, by their names in dist/completions. */
const COMPLETIONS = {
  'chimed.bash': 'usr/share/bash-completion/completions/chimed',
  _chimed: 'usr/share/zsh/vendor-completions/_chimed',
  'chimed.fish': 'usr/share/fish/vendor_completions.d/chimed.fish',
};

/**
 * Lays out the files as they are going to be below /: those that `service install` copies, the command, the
 * configuration and completions.
 * @param node The Node to ship.
 * @param packages The directory with the packages that are not bundled.
 * @param bill The bill of materials, in place of that in dist/, which does not know of the Node.
 */
export async function layRoot(to: string, node: string, packages: string, bill: string): Promise<void> {
  const place = (path: string, content: string | Buffer, mode = 0o644): void => {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    writeFileSync(join(to, path), content, { mode });
  };
  const checkout = new Checkout(await loadLibc(), { node, packages });
  for (const file of checkout.files()) {
    if (file.to.includes('/musl_')) continue; // koffi for another libc than Debian's.
    const { fd, isProgram } = checkout.open(file.from);
    place(join(PACKAGED, file.to), readFileSync(fd), isProgram ? 0o755 : 0o644);
    closeSync(fd);
  }
  place(join(PACKAGED, 'dist/sbom.cdx.json'), bill);
  place('usr/bin/chimed', commandScript(PACKAGED, 'Installed by the Debian package chimed.'), 0o755);
  place(CONFIG, readFileSync(join(PACKAGE, 'config/service.yaml')));
  for (const [name, path] of Object.entries(COMPLETIONS)) {
    place(path, readFileSync(join(PACKAGE, 'dist/completions', name)));
  }
}
