import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

import { messageOf } from '../errors.ts';

/** How long a command has between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 2000;
/** How long the output may stay open after the command has exited, held by a process that left its group. */
const AFTERMATH_MS = 200;
/** How much of standard error is kept to say why a run failed. */
const STDERR_CHARACTERS = 300;

/** What bounds one run of a command, and where it runs. */
export interface RunLimits {
  directory: string;
  timeoutMs: number;
  maxBytes: number;
}

/**
 * Runs a command and returns its output. A run is bounded in time, bytes and processes: the command leads a process
 * group of its own, and nothing of that group is left when the run is over.
 * @throws if it fails, or was ended: when `signal` aborts, or by its limits.
 */
export function runCommand(argv: readonly string[], limits: RunLimits, signal: AbortSignal): Promise<string> {
  return new Run(argv, limits).output(signal);
}

/** Runs whose process groups may live. */
const underWay = new Set<Run>();

/** Ends the process groups of all runs at once. */
export function killRuns(): void {
  for (const run of underWay) run.kill();
}

/** One run of a command, from its spawning to the end of its process group. */
class Run {
  readonly #child: ChildProcess;
  readonly #limits: RunLimits;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #stderr = '';
  /** Why we ended it, if we did. */
  #cause: string | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #aftermathTimer: NodeJS.Timeout | undefined;

  constructor([file, ...args]: readonly string[], limits: RunLimits) {
    this.#limits = limits;
    this.#child = spawn(file!, args, {
      cwd: limits.directory,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async output(signal: AbortSignal): Promise<string> {
    const { timeoutMs } = this.#limits;
    const stop = () => this.#end('it is not wanted any more');
    const timer = setTimeout(() => this.#end(`it took longer than ${timeoutMs} ms (timeout)`), timeoutMs);
    signal.addEventListener('abort', stop);
    underWay.add(this);
    try {
      const exit = this.#exit();
      this.#collect();
      const outcome = await exit;
      if (this.#cause !== undefined) throw new Error(`the command was ended: ${this.#cause}`);
      if (outcome !== undefined) throw new Error(`the command ${outcome}${this.#why()}`);
      return Buffer.concat(this.#chunks).toString();
    } finally {
      underWay.delete(this);
      clearTimeout(timer);
      clearTimeout(this.#killTimer);
      clearTimeout(this.#aftermathTimer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** Ends its process group at once. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  /** Without descriptors there are no pipes either; then `error` says why. */
  #collect(): void {
    const { maxBytes } = this.#limits;
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes <= maxBytes) this.#chunks.push(chunk);
      else this.#end(`it printed more than ${maxBytes} bytes (maxBytes)`);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
  }

  /** Waits for the command and its output to end. Undefined for exit 0, else what happened. */
  #exit(): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const child = this.#child;
    child.once('error', (error) => resolve(`cannot be run: ${messageOf(error)}`));
    child.once('exit', () => {
      // What the command left behind would hold its output open, and would gather run by run.
      this.kill();
      this.#aftermathTimer = setTimeout(() => this.#closeOutput(), AFTERMATH_MS);
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(code === null ? `was ended by ${signal}` : `exited with ${code}`);
    });
    return promise;
  }

  #end(cause: string): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#signal('SIGTERM');
    this.#killTimer = setTimeout(() => this.kill(), GRACE_MS);
  }

  #closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group is gone already, which is all we wanted.
    }
  }

  #why(): string {
    const line = this.#stderr.trim().split('\n').at(-1);
    return line ? `: ${line}` : '';
  }
}
