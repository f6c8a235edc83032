import { readFileSync } from 'node:fs';

/** Read once, as we are loaded: after an upgrade the file speaks of another version than the one that runs. */
const { version: ours } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The version in package.json. */
export function version(): string {
  return ours;
}
