import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { Inbox } from '../helpers/inbox.ts';
import type { ClientReport, FleetOptions, FleetQuestion, FleetWord } from './fleet-process.ts';

/** What a fleet has heard. */
export interface FleetReport {
  clients: ClientReport[];
  /** How long after their tick messages arrived, in milliseconds. */
  lateness: number[];
}

/** Clients in processes of their own. */
export class Fleet implements AsyncDisposable {
  readonly #processes: ChildProcess[];
  readonly #words: Inbox<FleetWord>[];
  #readyTimes = 0;

  /**
   * Starts clients and waits until all are registered.
   * @param processes How many processes share them.
   */
  static async start(options: FleetOptions, processes = 1): Promise<Fleet> {
    const fleet = new Fleet(options, processes);
    await fleet.ready();
    return fleet;
  }

  private constructor({ count, ...options }: FleetOptions, processes: number) {
    this.#processes = Array.from({ length: processes }, (_, index) => {
      const share = Math.floor(count / processes) + (index < count % processes ? 1 : 0);
      const argument = JSON.stringify({ ...options, count: share });
      return fork(new URL('fleet-process.ts', import.meta.url), [argument], { serialization: 'advanced' });
    });
    this.#words = this.#processes.map((child) => {
      const words = new Inbox<FleetWord>();
      child.on('message', (word) => words.push(word as FleetWord));
      child.on('exit', (code, signal) => words.end(`a fleet's process ended with ${code ?? signal}`));
      return words;
    });
  }

  /** Waits until all clients are registered; each call waits for the next time. */
  async ready(): Promise<void> {
    const times = ++this.#readyTimes;
    await Promise.all(this.#words.map((words) => words.take(times, ({ kind }) => kind === 'ready')));
  }

  /** Has the first `count` clients of each process stop reading, or read again. */
  async freeze(count: number): Promise<void> {
    await this.#ask({ ask: 'freeze', count }, 'done');
  }

  async thaw(): Promise<void> {
    await this.#ask({ ask: 'thaw' }, 'done');
  }

  /** Waits until so many clients of each process have lost their connection. */
  async gone(count: number): Promise<void> {
    await this.#ask({ ask: 'gone', count }, 'done');
  }

  /** Waits until each client has heard this number of the topic, or a later one. */
  async heard(topic: string, seq: number): Promise<void> {
    await this.#ask({ ask: 'heard', topic, seq }, 'done');
  }

  async report(): Promise<FleetReport> {
    const words = await this.#ask({ ask: 'report' }, 'report');
    const reports = words.filter((word) => word.kind === 'report');
    return {
      clients: reports.flatMap(({ clients }) => clients),
      lateness: reports.flatMap(({ lateness }) => [...lateness]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }

  #ask(question: FleetQuestion, answer: FleetWord['kind']): Promise<FleetWord[]> {
    return Promise.all(
      this.#processes.map(async (child, index) => {
        const words = this.#words[index]!;
        const from = words.items.length;
        child.send(question);
        return words.find(({ kind }) => kind === answer, from);
      }),
    );
  }
}
