import type { Reloaded } from '../protocol/messages.ts';

/** The last message of a topic. */
export interface LastMessage<T = unknown> {
  topic: string;
  seq: number;
  /** When it was made, in milliseconds since the epoch. */
  time: number;
  data: T;
  /** The source has failed since. */
  stale?: true;
}

/** What one sample has given. */
export interface Sample<T = unknown> {
  topic: string;
  /** How long it took, in milliseconds. */
  ms: number;
  /** Length of the payload as JSON, in bytes. */
  bytes: number;
  data: T;
}

/** What a reload has changed. */
export type Reload = Omit<Reloaded, 'id'>;
