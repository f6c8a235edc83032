import type { Entrant } from '../entrant.ts';
import type { System } from '../systems/system.ts';

/** What one measurement gives: a column's name, and its figure. */
export type Figures = Readonly<Record<string, number>>;

/** Something that every system does, or that some entrants of its own do. */
export interface Work<Doer extends Entrant = System> {
  letter: string;
  title: string;
  /** With how many clients it is done. */
  clients: readonly number[];
  /** Absent if all systems can do it. */
  systems?: readonly Doer[];
  /** Reports whether it takes long and needs no CPU, so that the systems of a round may do it side by side. */
  together?: boolean;
  /** Reports whether it measures from the start, without a warm-up. */
  cold?: boolean;
  /** Reports whether its programs run on all cores even with `--pin`. */
  allCores?: boolean;
  /** Columns that are compared with those of the baseline, see `Entrant`. */
  compared: readonly string[];
  /** Columns in which more is better. */
  higherIsBetter?: readonly string[];
  /** For each column in which a rival may be ahead of chimed, why it is. It is printed below the table when one is. */
  why?: Readonly<Record<string, string>>;
  measure(system: Doer, clients: number): Promise<Figures>;
}
