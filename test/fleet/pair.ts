import { Ear, OriginRecord } from './ear.ts';
import { FleetHistory } from './fleet-history.ts';
import { FleetMachine } from './fleet-machine.ts';
import type { MachineOptions } from './fleet-machine.ts';
import { within } from './within.ts';

export interface PairOptions {
  /** Servers of the machine that has the topics, and of the one that listens. */
  servers: { origin: readonly string[]; listener: readonly string[] };
  topics: number;
  intervalMs: number;
  /** Messages that each topic keeps. @default none */
  history?: number;
  nats?: MachineOptions['nats'];
}

/** Two machines: one has topics, which are recorded there, and on the other one somebody listens to them. */
export class Pair implements AsyncDisposable {
  readonly origin: FleetMachine;
  readonly listener: FleetMachine;
  readonly ear: Ear;
  readonly history = new FleetHistory();
  readonly #record: OriginRecord;

  private constructor(origin: FleetMachine, listener: FleetMachine) {
    this.origin = origin;
    this.listener = listener;
    this.#record = new OriginRecord(origin.name, origin.daemon.connect(), 't.>', this.history);
    this.ear = new Ear(listener.name, listener.daemon.connect(), 'remote.>', this.history);
  }

  /** Starts both, and waits until a message of each topic has been heard. */
  static async start({
    servers,
    topics: count,
    intervalMs,
    history = 0,
    nats = {},
  }: PairOptions): Promise<Pair> {
    const topics = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `t.${index + 1}`,
        { interval: `${intervalMs}ms`, data: index, history },
      ]),
    );
    const [origin, listener] = await Promise.all([
      FleetMachine.start({ name: 'origin', servers: servers.origin, topics, nats }),
      FleetMachine.start({ name: 'listener', servers: servers.listener, nats }),
    ]);
    const pair = new Pair(origin, listener);
    try {
      await within(30_000, `the listener hears ${count} topics`, pair.ear.hears(count));
      return pair;
    } catch (error) {
      await pair[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What does not hold, once all that was numbered has arrived or is missed. */
  verdict(): Promise<string[]> {
    return within(30_000, 'the listener hears the latest messages', this.ear.verdict());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#record.end();
    await this.ear[Symbol.asyncDispose]();
    await this.origin[Symbol.asyncDispose]();
    await this.listener[Symbol.asyncDispose]();
  }
}
