import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where one server of one measurement lives. */
export interface Place {
  /** Of its own, empty, and removed afterwards. */
  folder: string;
  socket: string;
  /** For servers that cannot listen on a Unix socket. */
  port: number;
}

/** The caller removes its folder. */
export async function newPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'chimed-bench-'));
  return { folder, socket: join(folder, 's'), port: await freePort() };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
