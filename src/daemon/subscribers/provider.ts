import type { Peer } from '../../linux/peer.ts';

/** A client that is the source of topics. */
export interface Provider {
  /** Its number. */
  readonly id: number;
  /** Who it is, as the kernel says. */
  readonly peer: Peer | undefined;
  /** Names of the topics that it provides. */
  readonly provided: Set<string>;
  /** True once its connection is gone. */
  readonly hasLeft: boolean;
  /** Takes what it is told of the demand for a topic, of which only the latest counts. Must not throw. */
  demand(topic: string, frame: Buffer): void;
}
