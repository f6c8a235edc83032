import type { Logger } from '../log.ts';

/** One line of a module for the daemon's log. */
export interface LogLine {
  level: keyof Logger;
  fields: Record<string, unknown>;
  message: string;
}

/** How many lines of one module are logged in a second. */
const LINES_PER_SECOND = 20;
/** Longest message, in characters, and longest fields, as JSON. */
const LONGEST = 4096;

/** Bounds what a module logs: past its lines of a second, one line says how many were dropped. */
export class LineBudget {
  readonly #log: (line: LogLine) => void;
  #left = LINES_PER_SECOND;
  #dropped = 0;
  #second: NodeJS.Timeout | undefined;

  constructor(log: (line: LogLine) => void) {
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
    this.log({ level: 'warn', fields, message: 'the module logs too much: lines were dropped' });
  }
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** Reads a line that a module's process sent. @returns undefined if it is none. */
export function readLine(json: string): LogLine | undefined {
  try {
    const { level, fields, message } = JSON.parse(json) as Partial<LogLine>;
    const known = levels.find((name) => name === level);
    if (!known || typeof message !== 'string' || typeof fields !== 'object' || !fields) return undefined;
    return { level: known, fields, message };
  } catch {
    return undefined; // The module itself has written there.
  }
}
