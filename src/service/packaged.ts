import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { CURRENT } from './layout.ts';

/** Where the Debian package has its copy, laid out as those of `service install`. */
export const PACKAGED = '/usr/lib/chimed';

/** The version of the Debian package that is installed; undefined if none is. */
export function packagedVersion(): string | undefined {
  const manifest = join(PACKAGED, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** The text of a unit, with the paths of the Debian package. */
export function withPackagedPaths(text: string): string {
  return text.replaceAll(`${CURRENT}/`, `${PACKAGED}/`);
}
