/** Names that one payload has room for: it stays far below what a server takes (1 MB by default). */
const PAGE_BYTES = 200_000;

/** A list in pieces: those of one `list` belong together. */
export interface Page {
  /** Id of the list. */
  list: string;
  page: number;
  pages: number;
  topics: string[];
}

/** Splits a list of names into pages; an empty list is one page. */
export function toPages(list: string, topics: readonly string[]): Page[] {
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

/** Names of a list that are kept; the rest is left out. */
const MOST_NAMES = 50_000;

/** Collects the pages of the latest list. */
export class Pages {
  #list = '';
  #parts: (string[] | undefined)[] = [];
  #names = 0;

  /** @returns the whole list, once all of its pages are there. */
  add({ list, page, pages, topics }: Page): string[] | undefined {
    if (list !== this.#list || pages !== this.#parts.length) {
      this.#list = list;
      this.#parts = Array.from({ length: pages });
      this.#names = 0;
    }
    if (page >= pages || this.#parts[page]) return undefined;
    this.#parts[page] = topics.slice(0, MOST_NAMES - this.#names);
    this.#names += this.#parts[page].length;
    if (this.#parts.includes(undefined)) return undefined;
    const whole = (this.#parts as string[][]).flat();
    this.#parts = [];
    this.#list = '';
    return whole;
  }
}
