import type { LogMethod, Logger } from '../../src/log.ts';

export type Level = keyof Logger;

/** A logger that keeps its lines. */
export class Logbook implements Logger {
  readonly lines: ({ level: Level; message: string } & Record<string, unknown>)[] = [];
  readonly debug = this.#method('debug');
  readonly info = this.#method('info');
  readonly warn = this.#method('warn');
  readonly error = this.#method('error');

  /** The messages of some levels. */
  messages(...levels: Level[]): string[] {
    return this.lines.filter(({ level }) => levels.includes(level)).map(({ message }) => message);
  }

  #method(level: Level): LogMethod {
    return (fields, message) => this.lines.push({ ...fields, level, message });
  }
}
