import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';

import { temporaryFolder } from './folder.ts';
import { RawClient } from './raw-client.ts';

/** The two ends of a connection over a real Unix socket. */
export interface SocketPair extends Disposable {
  /** The end that the daemon would have. */
  near: Socket;
  /** The client's end. */
  far: RawClient;
}

/** The number of a socket's descriptor. */
export function fdOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

export async function socketPair(): Promise<SocketPair> {
  using folder = temporaryFolder();
  const server = createServer().listen(folder.file('s'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const far = await RawClient.connect(folder.file('s'));
  const [near] = (await accepted) as [Socket];
  server.close();
  return {
    near,
    far,
    [Symbol.dispose]() {
      far[Symbol.dispose]();
      near.destroy();
    },
  };
}
