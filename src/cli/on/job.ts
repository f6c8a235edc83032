import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

import { messageOf, systemCode } from '../../errors.ts';

/** How long a process group has between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 2000;
/** How often a group that has got SIGTERM is looked for, in milliseconds. */
const LOOK_MS = 20;
/** Errors of starting a program that are not the program's: another attempt may succeed. */
const passing = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'E2BIG', 'ETXTBSY']);

/** What a run of the command is given. */
export interface JobOptions {
  argv: readonly string[];
  input: string;
  env: NodeJS.ProcessEnv;
  /** @default unlimited */
  timeoutMs?: number | undefined;
}

/** How a run ended. `cannotRun`: no run of this command will succeed. */
export interface JobEnd {
  failure?: string;
  cannotRun?: boolean;
}

/** One run of the command, in a process group of its own. */
export class Job {
  /** Resolves when the command has ended; if it was ended from here, when nothing of its group is left. Never rejects. */
  readonly ended: Promise<JobEnd>;
  readonly #timers: NodeJS.Timeout[] = [];
  #process: ChildProcess | undefined;
  /** Why it was ended from here. */
  #cause: string | undefined;
  #killed = false;

  constructor(options: JobOptions) {
    this.ended = this.#run(options);
  }

  /** Sends SIGTERM to the group, and SIGKILL two seconds later. */
  end(cause: string): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#signal('SIGTERM');
    this.#after(GRACE_MS, () => this.kill());
  }

  /** Sends SIGKILL to the group. */
  kill(): void {
    this.#cause ??= 'it was killed';
    this.#killed = true;
    this.#signal('SIGKILL');
  }

  async #run({ argv, input, env, timeoutMs }: JobOptions): Promise<JobEnd> {
    try {
      const [file, ...args] = argv;
      const child: ChildProcess = spawn(file!, args, {
        env,
        detached: true,
        stdio: ['pipe', 'inherit', 'inherit'],
      });
      this.#process = child;
      // Absent if there was no descriptor for it. A command need not read it.
      child.stdin?.on('error', () => {}).end(input);
      if (timeoutMs !== undefined)
        this.#after(timeoutMs, () => this.end(`it took longer than ${timeoutMs} ms (--timeout)`));
      const exit = await exitOf(child);
      child.stdin?.destroy(); // A process that the command has left behind could hold it open.
      while (this.#cause !== undefined && !this.#killed && this.#signal(0)) await wait(LOOK_MS);
      return exit === undefined && this.#cause === undefined ? {} : { failure: this.#failure(exit) };
    } catch (error) {
      const reason = startFailure(argv[0]!, error);
      return {
        failure: `cannot run ${argv[0]}: ${reason}`,
        cannotRun: !passing.has(systemCode(error) ?? ''),
      };
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
    }
  }

  #failure(exit: string | undefined): string {
    return this.#cause === undefined ? `the command ${exit}` : `the command was ended: ${this.#cause}`;
  }

  #after(ms: number, action: () => void): void {
    this.#timers.push(setTimeout(action, ms));
  }

  /** @returns whether the group exists. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    const pid = this.#process?.pid;
    if (pid === undefined) return false;
    try {
      return process.kill(-pid, signal);
    } catch (error) {
      return systemCode(error) === 'EPERM'; // It runs as another user now, as after sudo.
    }
  }
}

/** @returns how the command ended; undefined for exit code 0. @throws if it could not be started. */
function exitOf(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => child.pid === undefined && reject(error));
    child.once('exit', (code, signal) => {
      if (signal) resolve(`was ended by ${signal}`);
      else resolve(code === 0 ? undefined : `exited with ${code}`);
    });
  });
}

function startFailure(name: string, error: unknown): string {
  switch (systemCode(error)) {
    case 'ENOENT':
      return 'the file, the interpreter in its first line (#!) or the current directory does not exist';
    case 'EACCES':
      return `permission denied; make it executable with chmod +x ${name}, and see that its file system is not mounted with noexec`;
    default:
      return messageOf(error);
  }
}
