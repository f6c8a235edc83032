import type { System } from '../systems/system.ts';

/** What one measurement gives: a column's name, and its figure. */
export type Figures = Readonly<Record<string, number>>;

/** Something that every system does. */
export interface Work {
  letter: string;
  title: string;
  /** With how many clients it is done. */
  clients: readonly number[];
  /** Absent if all can do it. */
  systems?: readonly System[];
  /** Reports whether it takes long and needs no CPU, so that the systems of a round may do it side by side. */
  together?: boolean;
  /** Columns that are compared with those of `net`. */
  compared: readonly string[];
  measure(system: System, clients: number): Promise<Figures>;
}
