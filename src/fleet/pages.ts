/** Names that one payload has room for: it stays far below what a server takes (1 MB by default). */
const PAGE_BYTES = 200_000;

/** A list in pieces: those of one `list` belong together. */
export interface ListPage {
  /** Id of the list. */
  list: string;
  page: number;
  pages: number;
  topics: string[];
}

/** Splits a list of names into pages; an empty list is one page. */
export function toPages(list: string, topics: readonly string[]): ListPage[] {
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const topic of topics) {
    bytes += topic.length + 3;
    if (bytes > PAGE_BYTES) {
      parts.push([]);
      bytes = topic.length + 3;
    }
    parts.at(-1)!.push(topic);
  }
  return parts.map((part, page) => ({ list, page, pages: parts.length, topics: part }));
}

/** Names of one list that are kept; the rest is ignored. */
const MOST_NAMES = 50_000;

/** Bounds the names in the lists of all machines together, whole or not. */
export class NameBudget {
  #left: number;
  /** Pages that were refused. */
  refused = 0;

  constructor(most = 1_000_000) {
    this.#left = most;
  }

  take(names: number): boolean {
    if (names > this.#left) {
      this.refused++;
      return false;
    }
    this.#left -= names;
    return true;
  }

  giveBack(names: number): void {
    this.#left += names;
  }
}

/** Collects the pages of one machine's latest list. The names of that list, and of the last whole one, count. */
export class Pages {
  readonly #budget: NameBudget;
  #list = '';
  #parts: (string[] | undefined)[] = [];
  #names = 0;
  #wholeNames = 0;

  constructor(budget = new NameBudget()) {
    this.#budget = budget;
  }

  /** @returns the whole list, once all of its pages are there. It replaces the last one. */
  add({ list, page, pages, topics }: ListPage): string[] | undefined {
    if (list !== this.#list || pages !== this.#parts.length) this.#begin(list, pages);
    if (page >= pages || this.#parts[page]) return undefined;
    const names = topics.slice(0, MOST_NAMES - this.#names);
    if (!this.#budget.take(names.length)) return undefined;
    this.#parts[page] = names;
    this.#names += names.length;
    if (this.#parts.includes(undefined)) return undefined;
    const whole = (this.#parts as string[][]).flat();
    this.#budget.giveBack(this.#wholeNames);
    this.#wholeNames = this.#names;
    this.#names = 0;
    this.#begin('', 0);
    return whole;
  }

  /** The machine is forgotten, with its lists. */
  close(): void {
    this.#begin('', 0);
    this.#budget.giveBack(this.#wholeNames);
    this.#wholeNames = 0;
  }

  #begin(list: string, pages: number): void {
    this.#budget.giveBack(this.#names);
    this.#names = 0;
    this.#list = list;
    this.#parts = Array.from({ length: pages });
  }
}
