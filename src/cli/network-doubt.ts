import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { TopicConfig } from '../config/config.ts';
import { systemProcess, systemProgram } from '../linux/programs.ts';
import { networkRemedy } from '../sources/http/network-access.ts';

/** Longest time to wait for the service manager, in milliseconds. */
const ASK_MS = 2000;

/**
 * Whether topics need a network that the sandbox of the installed service does not let them reach. It takes about 10 ms,
 * and only if there is such a topic.
 * @returns what is wrong and what to do, or undefined.
 */
export async function networkDoubt(topics: readonly TopicConfig[]): Promise<string | undefined> {
  const names = topics.flatMap(({ name, source }) =>
    source.kind === 'http' && source.http.socket === undefined ? [name] : [],
  );
  const [first] = names;
  if (first === undefined) return undefined;
  const forbidding = forbidden(await serviceProperties());
  if (forbidding === undefined) return undefined;
  const which = names.length === 1 ? first : `${first} and ${names.length - 1} more topics`;
  return `${which}: http needs the network, which ${forbidding} of the installed chimed.service forbids; ${networkRemedy}`;
}

/** @returns nothing where there is no systemd, or it does not answer. */
async function serviceProperties(): Promise<string> {
  const properties = 'LoadState,RestrictAddressFamilies,IPAddressDeny,IPAddressAllow';
  try {
    const { stdout } = await promisify(execFile)(
      systemProgram('systemctl'),
      ['show', 'chimed.service', `--property=${properties}`],
      { ...systemProcess, timeout: ASK_MS },
    );
    return stdout;
  } catch {
    return '';
  }
}

/** @param shown As `systemctl show` prints it. @returns the setting that forbids the network; undefined if none does. */
export function forbidden(shown: string): string | undefined {
  const of = Object.fromEntries(shown.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  if (of['LoadState'] !== 'loaded') return undefined;
  const families = of['RestrictAddressFamilies'] ?? '';
  // `~` before the list: all but these.
  const isAllowed = (family: string): boolean =>
    families.replace('~', '').split(' ').includes(family) !== families.startsWith('~');
  if (families !== '' && !isAllowed('AF_INET') && !isAllowed('AF_INET6')) return 'RestrictAddressFamilies=';
  const denied = (of['IPAddressDeny'] ?? '').split(' ');
  const isClosed = denied.includes('any') || (denied.includes('0.0.0.0/0') && denied.includes('::/0'));
  return isClosed && !of['IPAddressAllow'] ? 'IPAddressDeny=' : undefined;
}
