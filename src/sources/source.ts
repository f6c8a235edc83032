import type { Logger } from '../log.ts';

/** Where a topic's payload comes from. */
export interface Source {
  /**
   * Takes one sample: a payload that JSON can carry, or a promise of one. Never called again before it
   * has settled. When `signal` aborts, the sample is not wanted any more: end it soon. The signal is the same as long
   * as the topic is awake, and aborts when it falls asleep, is changed or removed, also between two samples.
   * @throws whatever went wrong; the message is logged, shown in the status, and counted.
   */
  sample(signal: AbortSignal): unknown;
}

/** What a source is given beside its own options. */
export interface SourceContext {
  topic: string;
  /** Longest time that one sample may take, in milliseconds. */
  timeoutMs: number;
  /** Largest output or file that is read, in bytes. */
  maxBytes: number;
  /** Directory that relative paths start from: the configuration file's. */
  directory: string;
  logger: Logger;
}
