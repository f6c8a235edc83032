import type { Need } from './needs.ts';

/** One row of a work's table: something that can do the work. */
export interface Entrant {
  readonly name: string;
  /** What must be on the machine. */
  readonly needs?: readonly Need[];
  /** The name of the entrant that its figures are compared with. Default: `net`. */
  readonly baseline?: string;
  /** Reports whether it is chimed, and not a rival. */
  readonly ours?: boolean;
}
