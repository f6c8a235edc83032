import type { ChimedError } from '../errors.ts';

/** Where a client stands. `attempt` counts from 1 since it was last ready. */
export type State =
  | { status: 'connecting'; attempt: number }
  | {
      status: 'ready';
      /** The daemon's number for this connection. */
      client: number;
      instance: string;
      /** True if the numbering goes on from where this client last heard it. */
      resumed: boolean;
    }
  | { status: 'waiting'; attempt: number; delayMs: number; error: ChimedError }
  | { status: 'closed'; error?: ChimedError };
