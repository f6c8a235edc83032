import { setTimeout as wait } from 'node:timers/promises';

import { messageOf } from '../../errors.ts';
import { newMark } from '../../linux/family.ts';
import { forget, watch } from './children.ts';
import { launchArguments, launchFailure, withoutLaunch } from './launch.ts';
import { leftBehind } from './left-behind.ts';
import type { Reader } from './paced.ts';
import { yieldToTicks } from './priority.ts';
import { startProcess } from './start-process.ts';
import type { Exit, Program, StartedProcess } from './started-process.ts';
import { Tail } from './tail.ts';

/** How long a process has between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 2000;
/** How long after SIGKILL a process that still exists counts as hung, in milliseconds. */
const HANG_MS = 500;
/** How long nothing may come of the output after the process has exited, if one that cannot be found holds it open. */
const AFTERMATH_MS = 200;
/** How much a process can have written before it exited that was not read then: what its two pipes hold. */
const PIPES_BYTES = 2 * 65_536;
/** How often the processes that were left behind are looked for until all have ended, in milliseconds. */
const SWEEP_MS = 20;
/** The same, once one of them hangs. */
const HUNG_SWEEP_MS = 1000;
/** How much of standard error is kept to say why a run failed. */
const STDERR_BYTES = 8192;

export interface Launch {
  argv: readonly string[];
  directory: string;
  env: Record<string, string | undefined>;
  /** Take what it writes. With one for `channel`, descriptor 3 is a connection with this process. */
  readers?: Partial<Record<'stdout' | 'stderr' | 'channel', Reader>>;
  /** See `launchArguments`. */
  mode?: '' | 'explain';
}

/**
 * One program that is run for a topic, with all processes that it starts. When it has ended, nothing is left of
 * these: neither of its process group, nor, where orphans can be found, of those that left the group.
 */
export class Child {
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<Exit>;
  /** Resolves when nothing of it is left, or what is left cannot be killed. */
  readonly settled: Promise<unknown>;
  /** SIGKILL has not ended it: it waits in the kernel, for a file system or a device that does not answer. */
  hung = false;
  readonly #launch: Launch;
  readonly #mark = newMark();
  readonly #hang = Promise.withResolvers<void>();
  /** Aborts when it is to end, so that it is not started if it has yet to be. */
  readonly #ending = new AbortController();
  /** The latest signal, for a process that is only being started. */
  #signal: NodeJS.Signals | undefined;
  #process: StartedProcess | undefined;
  readonly #stderr = new Tail(STDERR_BYTES);
  /** How much it has written that was read, in bytes. */
  #read = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(launch: Launch) {
    this.#launch = launch;
    this.gone = this.#live();
    this.settled = Promise.race([this.gone, this.#hang.promise]);
    watch(this);
  }

  /** 0 as long as it has not been started. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** The end of what it wrote to stderr. */
  get stderr(): string {
    return String(this.#stderr).trim();
  }

  /** Writes to its descriptor 3. */
  send(text: string): void {
    this.#process?.send(text);
  }

  /** Has it end: by SIGTERM, and by SIGKILL if it still runs two seconds later. */
  end(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#send('SIGTERM');
    this.#timer = setTimeout(() => this.kill(), GRACE_MS);
  }

  /** Ends it by SIGKILL. */
  kill(): void {
    this.#ending.abort();
    this.#send('SIGKILL');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hangs(), HANG_MS);
  }

  /** Takes nothing more of what it writes: to write fails from now on. */
  closeOutput(): void {
    this.#process?.closeOutput();
  }

  async #live(): Promise<Exit> {
    const exit = await this.#run();
    clearTimeout(this.#timer);
    forget(this);
    return exit;
  }

  /** Starts the program, and waits for it and its output to end. */
  async #run(): Promise<Exit> {
    try {
      this.#process = await this.#start();
    } catch (error) {
      return { failure: `cannot be run: ${messageOf(error)}` };
    }
    yieldToTicks(this.pid);
    if (this.#signal) this.#send(this.#signal);
    const exit = await this.#process.exited;
    if ('failure' in exit) return { failure: `cannot be run: ${exit.failure}` };
    // What it left would hold its output open, and gather run by run.
    const leftGroup = this.#send('SIGKILL');
    const aftermath = this.#endOutput(this.#process);
    const leftOthers = (await this.#killLeftBehind()) > 0;
    await this.#process.closed;
    clearInterval(aftermath);
    if (leftGroup || leftOthers) await this.#sweep();
    const { argv, directory, env } = this.#launch;
    const reason = launchFailure(String(this.#stderr), this.#mark, directory, argv[0]!, env['PATH']);
    return reason === undefined ? exit : { failure: `cannot be run: ${reason}` };
  }

  async #start(): Promise<StartedProcess> {
    const { argv, directory, env, readers = {}, mode } = this.#launch;
    const { stdout = () => {}, channel } = readers;
    const stderr = readers.stderr && withoutLaunch(this.#mark, readers.stderr);
    const program: Program = {
      file: '/bin/sh',
      argv: launchArguments(this.#mark, directory, argv, mode),
      env,
      stdout: (bytes, mayGoOn) => {
        const rest = stdout(bytes, mayGoOn);
        this.#read += bytes.length - (rest?.length ?? 0);
        return rest;
      },
      stderr: (bytes, mayGoOn) => {
        const rest = stderr?.(bytes, mayGoOn);
        const taken = bytes.subarray(0, bytes.length - (rest?.length ?? 0));
        this.#stderr.push(taken);
        this.#read += taken.length;
        return rest;
      },
      channel,
    };
    return await startProcess(program, this.#ending.signal);
  }

  /** Takes what was written before the process exited, however long that takes, and nothing that others go on writing. */
  #endOutput(process: StartedProcess): NodeJS.Timeout {
    const most = this.#read + PIPES_BYTES;
    let before = this.#read;
    return setInterval(() => {
      const isRead = process.isResting || this.#read > before;
      if (!isRead || this.#read > most) this.closeOutput();
      before = this.#read;
    }, AFTERMATH_MS);
  }

  /** Ends the processes that left the group, and those that they leave behind; resolves when there are none. */
  async #sweep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hangs(), HANG_MS);
    while ((await this.#killLeftBehind()) > 0) await wait(this.hung ? HUNG_SWEEP_MS : SWEEP_MS);
  }

  /** @returns how many there are. Each may leave others when it ends. */
  async #killLeftBehind(): Promise<number> {
    const pids = await leftBehind(this.#mark);
    for (const pid of pids) send(pid, 'SIGKILL');
    return pids.length;
  }

  #hangs(): void {
    this.hung = true;
    this.#hang.resolve();
  }

  /** Signals its group. @returns whether there is one. */
  #send(signal: NodeJS.Signals): boolean {
    this.#signal = signal;
    return this.#process !== undefined && send(-this.pid, signal);
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // It has ended already, or belongs to another user by now.
  }
}
