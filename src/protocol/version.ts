import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Read once, as we are loaded: after an upgrade the file speaks of another version than the one that runs. */
const { version: ours } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
) as {
  version: string;
};

/** The version in package.json. */
export function version(): string {
  return ours;
}
