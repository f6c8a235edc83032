import type * as Libc from '../linux/libc.ts';

/** What an installation calls of libc. */
export type InstallerLibc = Pick<typeof Libc, 'flock' | 'hasAccessList'>;

/**
 * Where koffi has no build, two installations at the same time are not kept apart, and a group that may write to a file
 * is not looked at any closer: it may be an access list.
 */
const without: InstallerLibc = { flock: () => true, hasAccessList: () => true };

export async function loadLibc(): Promise<InstallerLibc> {
  try {
    return await import('../linux/libc.ts');
  } catch {
    return without;
  }
}
