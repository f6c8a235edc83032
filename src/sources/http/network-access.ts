import { systemCode } from '../../errors.ts';

/** What to do where the service's sandbox forbids the network. */
export const networkRemedy =
  'uncomment the lines about the network in /etc/systemd/system/chimed.service.d/sources.conf (see docs/service.md)';
/** Why a request fails where the system keeps this process from the network. */
export const keptFromNetwork = `this process cannot use the network; for the service, ${networkRemedy}`;

/**
 * Whether a sandbox keeps this process from the network, as `RestrictAddressFamilies=` and `IPAddressDeny=` do. The errors of
 * a name lookup do not tell: then no DNS server was asked.
 */
export async function isKeptFromNetwork(): Promise<boolean> {
  const codes = await Promise.all([probe('udp4', '127.0.0.1'), probe('udp6', '::1')]);
  return codes.includes('EPERM') || codes.every((code) => code === 'EAFNOSUPPORT');
}

/** Sends an empty datagram to this machine's own port for them. @returns the error's code; undefined if there is none. */
async function probe(type: 'udp4' | 'udp6', address: string): Promise<string | undefined> {
  const { createSocket } = await import('node:dgram');
  const socket = createSocket(type);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const done = (error: Error | null): void => resolve(systemCode(error));
  socket.on('error', done);
  socket.send('', DISCARD_PORT, address, done);
  const code = await promise;
  socket.close();
  return code;
}

const DISCARD_PORT = 9;
