import type { Message } from '../../client/api.ts';
import { messageOf } from '../../errors.ts';
import { note } from '../note.ts';
import { printable } from '../printable.ts';

/** How many kinds of failure are told. A payload can make up more. */
const MOST_KINDS = 20;

/** Failures to evaluate the expression of --where: each kind is told once, all are counted. */
export class Faults {
  count = 0;
  readonly #told = new Set<string>();

  tell({ topic, seq }: Message, error: unknown): void {
    this.count++;
    const what = messageOf(error);
    if (this.#told.has(what) || this.#told.size === MOST_KINDS) return;
    this.#told.add(what);
    note(
      `--where is taken as not true for ${topic} #${seq}: ${printable(what)}; further failures of this kind are only counted`,
    );
  }
}
