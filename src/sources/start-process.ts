import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';

import { messageOf } from '../errors.ts';
import { useIfSupported } from '../linux/if-supported.ts';
import type * as spawnCalls from '../linux/spawn.ts';

/** How a process ended: its exit code and signal, or why it could not be started. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null } | { failure: string };

export interface Program {
  file: string;
  argv: readonly string[];
  env: Record<string, string | undefined>;
  /** Has descriptor 3 be a connection with this process. */
  channel: boolean;
}

/** A process that was started, in a session of its own, in the root directory, without input. */
export interface StartedProcess {
  /** 0 if it could not be started. */
  readonly pid: number;
  /** What it writes to descriptors 1 and 2, and the connection at descriptor 3. None if it could not be started. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly channel: Duplex | undefined;
  readonly exited: Promise<Exit>;
  /** Resolves once it has exited and its output has ended, which processes that it has started may hold open. */
  readonly closed: Promise<void>;
}

type SpawnCalls = typeof spawnCalls;

let calls: SpawnCalls | undefined;
/** Has processes started by libc, where that can be. Somebody must then call `lookForExits` at each SIGCHLD. */
export async function startByLibc(): Promise<void> {
  await useIfSupported(
    () => import('../linux/spawn.ts'),
    (part) => (calls = part),
  );
}

/** Starts a process. Why it cannot be started is how it ends. */
export function startProcess(program: Program): StartedProcess {
  try {
    return calls ? new DirectProcess(program, calls) : new NodeProcess(program);
  } catch (error) {
    return notStarted(messageOf(error));
  }
}

function notStarted(failure: string): StartedProcess {
  const nothing = { pid: 0, stdout: undefined, stderr: undefined, channel: undefined };
  return { ...nothing, exited: Promise.resolve({ failure }), closed: Promise.resolve() };
}

/** Those that libc has started and that run. */
const running = new Set<DirectProcess>();

/** Looks which processes have ended, since Node does not know of them. */
export function lookForExits(): void {
  for (const process of running) process.look();
}

/** A process that libc has started. */
class DirectProcess implements StartedProcess {
  readonly pid: number;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
  readonly channel: Socket | undefined;
  readonly exited: Promise<Exit>;
  readonly closed: Promise<void>;
  readonly #calls: SpawnCalls;
  readonly #exit = Promise.withResolvers<Exit>();

  constructor({ file, argv, env, channel }: Program, libc: SpawnCalls) {
    this.#calls = libc;
    this.exited = this.#exit.promise;
    const ours: number[] = [];
    const theirs: number[] = [];
    try {
      for (const make of [libc.pipe, libc.pipe, ...(channel ? [libc.connectedPair] : [])]) {
        const [our, their] = make();
        ours.push(our);
        theirs.push(their);
      }
      this.pid = libc.spawnProgram(file, argv, assignments(env), theirs);
    } catch (error) {
      for (const fd of ours) libc.close(fd);
      throw error;
    } finally {
      for (const fd of theirs) libc.close(fd);
    }
    const [stdout, stderr, connection] = ours.map(
      (fd, index) => new Socket({ fd, readable: true, writable: index === 2 }),
    );
    [this.stdout, this.stderr, this.channel] = [stdout, stderr, connection];
    running.add(this);
    this.closed = this.#close([stdout!, stderr!, ...(connection ? [connection] : [])]);
  }

  /** Looks whether it has ended. */
  look(): void {
    const exit = this.#calls.exitOf(this.pid);
    if (!exit) return;
    running.delete(this);
    this.#exit.resolve(exit);
  }

  async #close(streams: readonly Socket[]): Promise<void> {
    // A stream that fails is closed as well.
    const closed = streams.map(
      (stream) => new Promise((resolve) => stream.on('error', () => {}).once('close', resolve)),
    );
    await this.exited;
    for (const stream of streams) if (stream.readableFlowing === null) stream.resume(); // Nobody reads it.
    await Promise.all(closed);
  }
}

function assignments(env: Program['env']): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/** A process that Node has started. */
class NodeProcess implements StartedProcess {
  readonly exited: Promise<Exit>;
  readonly closed: Promise<void>;
  readonly #child: ChildProcess;

  constructor({ file, argv, env, channel }: Program) {
    this.#child = spawn(file, argv.slice(1), {
      argv0: argv[0],
      cwd: '/',
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['pipe'] as const) : [])],
    });
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#child.once('close', () => closed.resolve());
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', (error) => {
        resolve({ failure: messageOf(error) });
        closed.resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  // Without descriptors there are none of these.
  get stdout(): Readable | undefined {
    return this.#child.stdout ?? undefined;
  }

  get stderr(): Readable | undefined {
    return this.#child.stderr ?? undefined;
  }

  get channel(): Duplex | undefined {
    return this.#child.stdio?.[3] as Duplex | undefined;
  }
}
