import type { Place } from '../place.ts';

/** The topic, or channel, that the subscribers count. */
export const TOPIC = 'bench';

/** Sends messages to one subscriber. */
export interface Feed extends AsyncDisposable {
  /** Absent if there is no server: the benchmark itself writes to the subscriber. */
  readonly serverPid?: number;
  /** Resolves once the subscriber has subscribed. */
  subscribed(): Promise<void>;
  /** Encodes messages. Their numbers follow those of the messages that were encoded before. */
  encode(payload: string, count: number): Buffer;
  write(messages: Buffer): void;
}

/** Opens a feed on a place's socket. */
export type OpenFeed = (place: Place) => Promise<Feed>;

/** How a system reaches a subscriber. */
export interface Feeds {
  /** The server, without a limit on what it queues for a subscriber. */
  readonly unlimited: OpenFeed;
  /** The server for a slow subscriber: with its default limits, unless it would disconnect the subscriber. */
  readonly forSlow: OpenFeed;
  /** In place of the server, a peer that writes the same bytes as fast as the subscriber reads them. */
  readonly peer: OpenFeed;
}
