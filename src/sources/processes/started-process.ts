import type { Reader } from './paced.ts';

/** How a process ended: its exit code and signal, or why that is not known. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null } | { failure: string };

/** A program, and what takes the bytes that it writes. */
export interface Program {
  file: string;
  argv: readonly string[];
  env: Record<string, string | undefined>;
  stdout: Reader;
  stderr: Reader;
  /** Has descriptor 3 be a connection with this process. */
  channel?: Reader | undefined;
}

/** A process that was started, in a session of its own, in the root directory, without input. */
export interface StartedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Resolves once it has exited and its output has ended, which processes that it has started may hold open. */
  readonly closed: Promise<unknown>;
  /** Writes to its descriptor 3. */
  send(text: string): void;
  /** Takes nothing more of what it writes: to write fails from now on. */
  closeOutput(): void;
  /** Something that it wrote has yet to be read: the readers pause. */
  readonly isResting: boolean;
}
