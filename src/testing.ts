/**
 * For tests of programs that listen: a real daemon, on a socket of its own, in one line.
 * @module
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { connect } from './index.ts';
import type { Client, ConnectOptions } from './index.ts';

const cli = fileURLToPath(new URL(`cli/main${extname(import.meta.filename)}`, import.meta.url));
/** Variables by which a daemon would take something that belongs to another one. */
const ofAnother = /^(CHIMED_\w+|NOTIFY_SOCKET|LISTEN_\w+|\w+_DIRECTORY|JOURNAL_STREAM)$/;
/** How much of what the daemon says is kept for an error. */
const MOST_LINES = 50;

/** A daemon that belongs to a test. It ends with the test's scope (`await using`), or by `stop`. */
export interface TestDaemon {
  /** Path of its socket. */
  readonly socket: string;
  /** The directory of its configuration, where its commands run; it is removed when the daemon stops. */
  readonly directory: string;
  readonly pid: number;
  /** Connects with the client library. The client is closed when the daemon stops. */
  connect(options?: Omit<ConnectOptions, 'socket'>): Client;
  /** Goes over to another configuration. @throws {ChimedError} `bad-config`, with all mistakes. */
  reload(config: object): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a daemon on a temporary socket.
 * @param config What a configuration file would say: `{ topics: { t: { publish: true } } }`.
 * @returns once clients can connect.
 * @throws if it does not start, with what it said.
 */
export async function startDaemon(config: object): Promise<TestDaemon> {
  const text = JSON.stringify(config); // JSON is YAML.
  const directory = mkdtempSync(join(tmpdir(), 'chimed-'));
  const file = join(directory, 'chimed.yaml');
  const socket = join(directory, 'socket');
  writeFileSync(file, text);
  const args = ['serve', '--config', file, '--socket', socket, '--log-format', 'json', '--log-level', 'info'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofAnother.test(name)));
  const child = fork(cli, args, { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  // It stops by itself when we are gone, however we end.
  const leaveNothing = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', leaveNothing);
  const stopped = once(child, 'exit');
  const cleanUp = async (): Promise<void> => {
    await stopped;
    process.off('exit', leaveNothing);
    leaveNothing();
  };
  try {
    await listening(child);
  } catch (error) {
    await cleanUp();
    throw error;
  }
  const clients: Client[] = [];
  const open = (options: Omit<ConnectOptions, 'socket'> = {}): Client => {
    const client = connect({ ...options, socket });
    clients.push(client);
    return client;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    child.kill();
    await cleanUp();
  };
  return {
    socket,
    directory,
    pid: child.pid!,
    connect: open,
    async reload(next) {
      writeFileSync(file, JSON.stringify(next));
      const client = open({ name: 'test' });
      await client.reload();
      await client.close();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Waits until the daemon says that it listens. */
async function listening(child: ChildProcess): Promise<void> {
  const said: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (said.push(line) > MOST_LINES) said.shift();
      if (line.includes('"msg":"listening"')) resolve();
    });
  }
  child.once('close', (code) => reject(new Error(`chimed exited with ${code}: ${said.join('\n')}`)));
  await promise;
}
