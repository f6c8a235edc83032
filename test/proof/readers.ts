import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { ReadersOptions, ReadersQuestion, ReadersReport } from './readers-process.ts';

/** Readers of server-sent events in a process of their own. */
export class Readers implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(options: ReadersOptions) {
    this.#child = fork(new URL('readers-process.ts', import.meta.url), [JSON.stringify(options)]);
  }

  /** Starts readers, and waits until each has a message. */
  static async start(options: ReadersOptions): Promise<Readers> {
    const readers = new Readers(options);
    await once(readers.#child, 'message');
    return readers;
  }

  /** All of them stop reading. */
  async freeze(): Promise<void> {
    await this.#ask({ ask: 'freeze' });
  }

  /** The first of them read again. */
  async thaw(count: number): Promise<void> {
    await this.#ask({ ask: 'thaw', count });
  }

  /** Waits until each of the first has been told that it missed something. */
  async told(count: number): Promise<void> {
    await this.#ask({ ask: 'told', count });
  }

  async report(): Promise<ReadersReport> {
    return (await this.#ask({ ask: 'report' })) as ReadersReport;
  }

  async #ask(question: ReadersQuestion): Promise<unknown> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [{ value }] = (await answered) as [{ value: unknown }];
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
