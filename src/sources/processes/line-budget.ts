import type { Logger } from '../../log.ts';

/** One line of a program for the daemon's log. */
export interface LogLine {
  level: keyof Logger;
  fields: Record<string, unknown>;
  message: string;
}

/** How many lines of one program are logged in a second. */
const LINES_PER_SECOND = 20;
/** Longest message, in characters, and longest fields, as JSON. */
const LONGEST = 4096;

/** Bounds what a program logs: past its lines of a second, one line says how many were dropped. */
export class LineBudget {
  readonly #who: string;
  readonly #log: (line: LogLine) => void;
  #left = LINES_PER_SECOND;
  #dropped = 0;
  #second: NodeJS.Timeout | undefined;

  /** @param who Logs the lines, such as `the module`. */
  constructor(who: string, log: (line: LogLine) => void) {
    this.#who = who;
    this.#log = log;
  }

  log({ level, fields, message }: LogLine): void {
    if (!this.#second) this.#second = setTimeout(() => this.#nextSecond(), 1000).unref();
    if (this.#left === 0) {
      this.#dropped++;
      return;
    }
    this.#left--;
    const small = JSON.stringify(fields).length <= LONGEST;
    const clipped = message.length <= LONGEST ? message : `${message.slice(0, LONGEST)}…`;
    this.#log({ level, fields: small ? fields : { fields: 'too large' }, message: clipped });
  }

  #nextSecond(): void {
    this.#second = undefined;
    this.#left = LINES_PER_SECOND;
    if (this.#dropped === 0) return;
    const fields = { dropped: this.#dropped };
    this.#dropped = 0;
    this.log({ level: 'warn', fields, message: `${this.#who} logs too much: lines were dropped` });
  }
}
