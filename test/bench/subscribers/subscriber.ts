import type { Entrant } from '../entrant.ts';
import type { Feeds } from '../feeds/feed.ts';

/**
 * A program that counts the messages of the topic. At the payload "end", it prints a line: how many it received, and how many it
 * missed.
 */
export interface Subscriber extends Entrant {
  readonly language: string;
  readonly feeds: Feeds;
  /** Compiles the program, once. @returns the command; the socket, and the seconds to sleep for each message follow. */
  build(): readonly string[];
  /** What follows these. */
  readonly options?: readonly string[];
}
