import type { IncomingMessage } from 'node:http';

import { Problem } from './problem.ts';

/** Names of this machine's loopback, as they are in a `Host` header. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses requests that a page of somebody else's has a browser send.
 *
 * A `Host` that is not ours is a name that was made to lead to the loopback address, so that the page counts as ours (DNS
 * rebinding). `Sec-Fetch-Site` and `Origin` tell of pages that do not count as ours.
 * @param hosts Names besides those of the loopback address.
 * @throws {Problem} 421 or 403.
 */
export function checkOrigin({ headers }: IncomingMessage, hosts: readonly string[]): void {
  const { host = '', origin } = headers;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (!LOOPBACK.includes(name) && !/^127(\.\d{1,3}){3}$/.test(name) && !hosts.includes(name)) {
    const message = `This gateway does not answer to the name ${JSON.stringify(name)}. Use localhost, or add the name to web.hosts.`;
    throw new Problem(421, 'wrong-host', message);
  }
  const site = headers['sec-fetch-site'];
  const isForeign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host);
  if (isForeign) throw new Problem(403, 'foreign-page', 'Pages of other origins cannot use this gateway.');
}
