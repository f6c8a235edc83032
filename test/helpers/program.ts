import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Inbox } from './inbox.ts';
import { isStopped } from './proc.ts';
import { Splitter } from './splitter.ts';

export const root = join(import.meta.dirname, '../..');
/** As `npm run build` has made it. */
export const cli = join(root, 'dist/cli/main.js');

/** A process that a test started. It is killed, if it still runs, when its scope ends. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Lines of standard output and of standard error. */
  readonly stdout = new Inbox<string>();
  readonly stderr = new Inbox<string>();
  readonly #ended: Promise<number | NodeJS.Signals>;

  constructor(
    argv: readonly string[],
    env: NodeJS.ProcessEnv = {},
    cwd: string = root,
    executable: string = process.execPath,
  ) {
    this.child = spawn(executable, argv, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    followLines(this.child.stdout!, this.stdout);
    followLines(this.child.stderr!, this.stderr);
    this.#ended = once(this.child, 'close').then(([code, signal]) => {
      const reason = `the program ended with ${code ?? signal}, and said ${JSON.stringify(this.stderr.items)}`;
      this.stdout.end(reason);
      this.stderr.end(reason);
      return (code ?? signal) as number | NodeJS.Signals;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves with the exit code, or the name of the signal that ended it, once its output is complete. */
  get ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  /** All of its standard output and error so far. */
  get output(): { stdout: string; stderr: string } {
    return { stdout: this.stdout.items.join('\n'), stderr: this.stderr.items.join('\n') };
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): this {
    this.child.kill(signal);
    return this;
  }

  /** Stops it by SIGSTOP. Resolves once it stands still: it goes on for a moment after the signal. */
  async freeze(): Promise<void> {
    this.child.kill('SIGSTOP');
    while (!isStopped(this.pid)) await nextTurn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Not by node:readline, which also takes U+2028 for the end of a line. */
function followLines(stream: Readable, lines: Inbox<string>): void {
  const splitter = new Splitter('\n');
  stream.setEncoding('utf8').on('data', (text: string) => {
    for (const line of splitter.push(text)) lines.push(line);
  });
  stream.on('end', () => {
    if (splitter.rest !== '') lines.push(splitter.rest);
  });
}

/** Runs `chimed …` to its end. */
export async function chimed(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string } = {},
) {
  await using program = new Program([cli, ...args], options.env);
  program.child.stdin!.end(options.input ?? '');
  const exitCode = await program.ended;
  return { exitCode, ...program.output };
}
