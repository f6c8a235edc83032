import { startDaemon } from '../helpers/daemon.ts';
import type { DaemonOptions, TestDaemon } from '../helpers/daemon.ts';
import type { FleetReport } from './fleet.ts';

/** One thing that is done to chimed, and what must hold while it is done. */
export interface Trial {
  name: string;
  /** What must hold, in a line. */
  holds: string;
  run(scale: Scale): Promise<Outcome>;
}

export interface Outcome {
  /** What was seen, with its figures. */
  seen: string;
  /** What did not hold; empty if all did. */
  failures: string[];
}

/** Clients enough for every trial, all of one user. */
const limits = { max: 20_000, maxPerUser: 20_000 };

/** How much of a trial is run: all of it, or a short form in which no time is judged. */
export class Scale {
  readonly full: boolean;
  readonly soakMinutes: number;
  readonly #say: (progress: string) => void;

  constructor(full: boolean, say: (progress: string) => void = () => {}, soakMinutes = 30) {
    this.full = full;
    this.soakMinutes = soakMinutes;
    this.#say = say;
  }

  /** A number: how much in full, how much in short. */
  of(full: number, short: number): number {
    return this.full ? full : short;
  }

  /** Starts a daemon as a process of its own. */
  start(
    config: { topics: object; clients?: object; shutdown?: object },
    options: DaemonOptions = {},
  ): Promise<TestDaemon> {
    const merged = { ...config, clients: { ...limits, ...config.clients } };
    return startDaemon(merged, options);
  }

  /** Shows how far a trial has come. */
  say(progress: string): void {
    this.#say(progress);
  }
}

/** Gathers what does not hold. */
export class Findings {
  readonly failures: string[] = [];

  hold(condition: boolean, otherwise: string): void {
    if (!condition) this.failures.push(otherwise);
  }

  /** Holds the histories of all clients to what chimed promises. */
  histories({ clients }: FleetReport): void {
    for (const { connections, violations } of clients)
      this.failures.push(...violations.map((violation) => `client ${connections.at(-1)}: ${violation}`));
  }
}

/** A sequence of numbers from 0 to 1 that is the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
