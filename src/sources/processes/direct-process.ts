import { Socket } from 'node:net';

import { close, connectedPair, exitOf, pipe, spawnProgram } from '../../linux/spawn.ts';
import { Paced } from './paced.ts';
import type { Reader } from './paced.ts';
import { Slots } from '../slots.ts';
import type { Exit, Program, StartedProcess } from './started-process.ts';

export { isStarting } from '../../linux/spawn.ts';

/** How many processes are started at a time. Each keeps one of libuv's four threads, which reads of files need as well. */
const slots = new Slots(2);

/** Those that run. Node does not know of them. */
const running = new Set<DirectProcess>();

process.on('SIGCHLD', () => {
  for (const one of running) one.look();
});

/**
 * Starts a process by libc.
 * @throws if it cannot be started, or `signal` aborts before it is its turn.
 */
export async function startDirectly(program: Program, signal: AbortSignal): Promise<StartedProcess> {
  await slots.take(signal);
  try {
    signal.throwIfAborted();
    return await start(program);
  } finally {
    slots.give();
  }
}

async function start({ file, argv, env, stdout, stderr, channel }: Program): Promise<StartedProcess> {
  const readers = [stdout, stderr, ...(channel ? [channel] : [])];
  const ours: number[] = [];
  const theirs: number[] = [];
  let pid: number;
  try {
    for (const index of readers.keys()) {
      const [our, their] = index < 2 ? pipe() : connectedPair();
      ours.push(our);
      theirs.push(their);
    }
    pid = await spawnProgram(file, argv, assignments(env), theirs);
  } catch (error) {
    for (const fd of ours) close(fd);
    throw error;
  } finally {
    for (const fd of theirs) close(fd);
  }
  const outputs = readers.map((reader, index) => follow(ours[index]!, reader, index === 2));
  return new DirectProcess(pid, outputs);
}

/** All sockets read into it, one after the other: bytes that nobody keeps make no garbage. */
const buffer = Buffer.alloc(8192);

/** What a process writes to. */
interface Output {
  socket: Socket;
  paced: Paced;
}

function follow(fd: number, reader: Reader, writable: boolean): Output {
  const paced = new Paced(reader, () => socket.resume());
  const callback = (length: number): boolean => paced.read(buffer.subarray(0, length));
  const socket = new Socket({ fd, readable: true, writable, onread: { buffer, callback } });
  socket.on('error', () => {}); // `close` follows.
  socket.on('close', paced.stop);
  return { socket, paced };
}

/** A process that libc has started. */
class DirectProcess implements StartedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly closed: Promise<unknown>;
  readonly #outputs: readonly Output[];
  readonly #exit = Promise.withResolvers<Exit>();

  constructor(pid: number, outputs: readonly Output[]) {
    this.pid = pid;
    this.exited = this.#exit.promise;
    this.#outputs = outputs;
    const closed = outputs.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    this.closed = Promise.all([this.exited, ...closed]);
    running.add(this);
    this.look(); // It may have ended before we knew its number.
  }

  /** Looks whether it has ended. */
  look(): void {
    const exit = exitOf(this.pid);
    if (!exit) return;
    running.delete(this);
    this.#exit.resolve(exit);
  }

  send(text: string): void {
    this.#outputs[2]?.socket.write(text);
  }

  closeOutput(): void {
    for (const { socket } of this.#outputs) socket.destroy();
  }

  get isResting(): boolean {
    return this.#outputs.some(({ paced }) => paced.isResting);
  }
}

function assignments(env: Program['env']): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}
