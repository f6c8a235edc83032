import { fit } from './fit.ts';
import type { Paint } from './paint.ts';

export interface Cell {
  text: string;
  style?: keyof Paint;
  /** Takes the place of the next column, too. */
  isWide?: boolean;
}

export interface Column<Item> {
  head: string;
  /** Smallest width, and those that it grows to, one after the other, where the screen has the columns. */
  widths: readonly [number, ...number[]];
  /** Columns with the largest rank are left out first. */
  rank: number;
  isNumber?: boolean;
  /** @param width What the column has. */
  cell(item: Item, width: number): Cell | string;
}

/** A column that has its place on the screen. */
interface Placed<Item> extends Column<Item> {
  width: number;
}

/** A table of as many columns as a width has place for. */
export class Table<Item> {
  readonly #columns: Placed<Item>[];
  readonly #paint: Paint;

  constructor(columns: readonly Column<Item>[], width: number, paint: Paint) {
    this.#columns = place(columns, width);
    this.#paint = paint;
  }

  get head(): string {
    const heads = this.#columns.map(({ head, width, isNumber }) => fit(head, width, isNumber));
    return this.#paint.dim(heads.join(' '));
  }

  row(item: Item): string {
    const cells: string[] = [];
    for (let index = 0; index < this.#columns.length; index++) {
      const column = this.#columns[index]!;
      const made = column.cell(item, column.width);
      const { text, style, isWide = false } = typeof made === 'string' ? { text: made } : made;
      const next = isWide ? this.#columns[++index] : undefined;
      const shown = fit(text, column.width + (next ? next.width + 1 : 0), column.isNumber);
      cells.push(style ? this.#paint[style](shown) : shown);
    }
    return cells.join(' ');
  }
}

function place<Item>(columns: readonly Column<Item>[], width: number): Placed<Item>[] {
  const placed = columns.map((column) => ({ ...column, width: column.widths[0] }));
  const left = (): number => width - placed.reduce((sum, column) => sum + column.width + 1, -1);
  while (left() < 0 && placed.length > 1) {
    const least = placed.reduce((one, other) => (other.rank > one.rank ? other : one));
    placed.splice(placed.indexOf(least), 1);
  }
  const stages = Math.max(...placed.map(({ widths }) => widths.length));
  for (let stage = 1; stage < stages; stage++) {
    for (const column of placed) {
      const wanted = column.widths[stage] ?? column.width;
      column.width += Math.max(Math.min(wanted - column.width, left()), 0);
    }
  }
  return placed;
}
