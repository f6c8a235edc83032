import { readFileSync } from 'node:fs';

/** How many files, sockets among them, this process may have open; undefined where that cannot be read. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // No /proc: not Linux.
  }
}
