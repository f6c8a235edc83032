import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

import { children, newMark } from '../linux/family.ts';
import { launchArguments, launchFailure } from './launch.ts';
import { startProcess } from './start-process.ts';
import type { Exit, StartedProcess } from './start-process.ts';

/** How long a process has between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 2000;
/** How long after SIGKILL a process that still exists counts as hung, in milliseconds. */
const HANG_MS = 500;
/** How long the output may stay open after the process has exited, held by one that cannot be found. */
const AFTERMATH_MS = 200;
/** How often the processes that were left behind are looked for until all have ended, in milliseconds. */
const SWEEP_MS = 20;
/** The same, once one of them hangs. */
const HUNG_SWEEP_MS = 1000;
/** How much of standard error is kept to say why a run failed. */
const STDERR_CHARACTERS = 8192;

/** How much lower the priority of a child is than ours, see nice(2). */
const NICER = 10;

export interface Launch {
  argv: readonly string[];
  directory: string;
  env: Record<string, string | undefined>;
  /** Has descriptor 3 be a connection with this process. */
  channel?: boolean;
  /** See `launchArguments`. */
  mode?: '' | 'explain';
}

/** Children of which something may be left. */
const underWay = new Set<Child>();

/** Ends all children at once. */
export function killChildren(): void {
  for (const child of underWay) child.kill();
}

/**
 * One program that was started for a topic, with all processes that it starts. When it has ended, nothing is left of
 * these: neither of its process group, nor, where orphans can be found, of those that left the group.
 */
export class Child {
  readonly process: StartedProcess;
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<Exit>;
  /** Resolves when nothing of it is left, or what is left cannot be killed. */
  readonly settled: Promise<unknown>;
  /** SIGKILL has not ended it: it waits in the kernel, for a file system or a device that does not answer. */
  hung = false;
  readonly #launch: Launch;
  readonly #mark = newMark();
  readonly #hang = Promise.withResolvers<void>();
  #stderr = '';
  #ending = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(launch: Launch) {
    this.#launch = launch;
    const { argv, directory, env, channel, mode } = launch;
    this.process = startProcess({
      file: '/bin/sh',
      argv: launchArguments(this.#mark, directory, argv, mode),
      env,
      channel: channel === true,
    });
    yieldToTicks(this.pid);
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    underWay.add(this);
    this.gone = this.#end();
    this.settled = Promise.race([this.gone, this.#hang.promise]);
  }

  /** 0 if it could not be started. */
  get pid(): number {
    return this.process.pid;
  }

  /** The end of what it wrote to stderr. */
  get stderr(): string {
    return this.#stderr.trim();
  }

  /** Has it end: by SIGTERM, and by SIGKILL if it still runs two seconds later. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#signal('SIGTERM');
    this.#timer = setTimeout(() => this.kill(), GRACE_MS);
  }

  /** Ends it by SIGKILL. */
  kill(): void {
    this.#ending = true;
    this.#signal('SIGKILL');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hangs(), HANG_MS);
  }

  async #end(): Promise<Exit> {
    const exit = await this.#exit();
    await this.#sweep();
    clearTimeout(this.#timer);
    underWay.delete(this);
    return exit;
  }

  /** Waits for the program and its output to end. */
  async #exit(): Promise<Exit> {
    const exit = await this.process.exited;
    if ('failure' in exit) return { failure: `cannot be run: ${exit.failure}` };
    this.#signal('SIGKILL'); // What it left in its group would hold its output open, and gather run by run.
    this.#killOrphans();
    const aftermath = setTimeout(() => this.#closeOutput(), AFTERMATH_MS);
    await this.process.closed;
    clearTimeout(aftermath);
    const { argv, directory, env } = this.#launch;
    const reason = launchFailure(this.#stderr, this.#mark, directory, argv[0]!, env['PATH']);
    return reason === undefined ? exit : { failure: `cannot be run: ${reason}` };
  }

  /** Ends the processes that left the group; resolves when there are none. */
  async #sweep(): Promise<void> {
    if (this.#killOrphans() === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hangs(), HANG_MS);
    do await wait(this.hung ? HUNG_SWEEP_MS : SWEEP_MS);
    while (this.#killOrphans() > 0);
  }

  /** @returns how many there are. Each may leave others when it ends. */
  #killOrphans(): number {
    const orphans = children('main').filter((child) => !child.ended && child.mark === this.#mark);
    for (const { pid } of orphans) send(pid, 'SIGKILL');
    return orphans.length;
  }

  #hangs(): void {
    this.hung = true;
    this.#hang.resolve();
  }

  #closeOutput(): void {
    const { stdout, stderr, channel } = this.process;
    for (const stream of [stdout, stderr, channel]) stream?.destroy();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid) send(-this.pid, signal);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already, or belongs to another user by now.
  }
}

/**
 * A source that uses all of the CPU must not delay the ticks of others, so it has a lower priority than they have: by
 * itself, and as a session, by which many kernels share the CPU before they look at the priority, see sched(7).
 */
function yieldToTicks(pid: number): void {
  if (pid === 0) return;
  attempt(() => setPriority(pid, getPriority(process.pid) + NICER));
  attempt(() => writeFileSync(`/proc/${pid}/autogroup`, String(NICER)));
}

/** It may have ended already; a sandbox may refuse it; and only root may write more than ten autogroups a second. */
function attempt(yieldSomething: () => void): void {
  try {
    yieldSomething();
  } catch {
    // Then it has the priority that it has.
  }
}
