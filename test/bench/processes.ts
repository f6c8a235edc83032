import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { tree } from './process-tree.ts';

const START_TIMEOUT_MS = 30_000;
/** As programs in JavaScript, ours need not be stripped of their types at each start. */
const COMPILE_CACHE = mkdtempSync(join(tmpdir(), 'chimed-bench-cache-'));
process.on('exit', () => rmSync(COMPILE_CACHE, { recursive: true, force: true }));

/** The processes of one measurement. They are killed when it ends. */
export class Processes implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  /** What they wrote to standard error. */
  stderr = '';

  /** @param stdout Whether the caller reads its standard output. */
  start([file, ...args]: readonly string[], stdout: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
    const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
    const child = spawn(file!, args, { env, stdio: ['ignore', stdout, 'pipe'] });
    child.stderr!.on('data', (text) => (this.stderr += text));
    this.#children.push(child);
    return child;
  }

  /** Starts a server and waits until it accepts a connection. */
  async startServer(name: string, command: readonly string[], address: NetConnectOpts): Promise<void> {
    const server = this.start(command);
    if (!(await opens(address, server))) throw new Error(`${name} does not start: ${this.stderr}`);
  }

  get pids(): number[] {
    return this.#children.map(({ pid }) => pid!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        // With what it started: a shell's pipeline would go on without it.
        for (const pid of tree(child.pid!)) killIfAlive(pid);
        await once(child, 'exit');
      }),
    );
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Connects again and again until the server accepts. */
async function opens(address: NetConnectOpts, server: ChildProcess): Promise<boolean> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (server.exitCode === null && performance.now() < end) {
    const socket = connect(address);
    const opened = await once(socket, 'connect').catch(() => undefined);
    socket.destroy();
    if (opened) return true;
    await wait(1);
  }
  return false;
}
