import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { FleetHistory } from './fleet-history.ts';
import type { DriverOptions, DriverQuestion, DriverReport } from './driver-process.ts';

/** Many machines in one process, which speak as bridges do: they cost less than daemons. */
export class Driver implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(options: DriverOptions) {
    this.#child = fork(new URL('driver-process.ts', import.meta.url), [JSON.stringify(options)]);
  }

  /** Starts machines, and waits until they have announced themselves. */
  static async start(options: DriverOptions): Promise<Driver> {
    const driver = new Driver(options);
    await once(driver.#child, 'message');
    return driver;
  }

  /** Makes no messages any more. @param history Is told what was numbered. */
  async rest(history: FleetHistory): Promise<DriverReport> {
    const report = await this.#ask({ ask: 'rest' });
    for (const { topic, instance, last } of report.numbers) history.numberedTo(topic, instance, last);
    return report;
  }

  report(): Promise<DriverReport> {
    return this.#ask({ ask: 'report' });
  }

  async #ask(question: DriverQuestion): Promise<DriverReport> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [report] = (await answered) as [DriverReport];
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
