import type { Here } from './talk.ts';
import { Pages } from './pages.ts';
import type { NameBudget, ListPage } from './pages.ts';

/** Messages whose lateness is remembered. */
const REMEMBERED = 128;

/** Another machine of the fleet, as its bridge describes it. */
export class Machine {
  readonly name: string;
  #here: Here;
  /** When it was heard of last, in milliseconds on the monotonic clock. */
  seenAt = performance.now();
  /** False once nothing has been heard of it for too long, or it said goodbye. */
  isHere = true;
  /** When that changed last, in milliseconds since the epoch. */
  changedAt = Date.now();
  /** How far its clock is ahead of ours, in milliseconds, as far as the way of a message can be known. */
  skewMs = 0;
  readonly #late: number[] = [];
  #lateAt = 0;
  readonly #pages: Pages;
  #list: string | undefined;
  /** What it exports. */
  topics: readonly string[] = [];

  /** @param budget Bounds the lists of all machines. */
  constructor(name: string, here: Here, budget?: NameBudget) {
    this.name = name;
    this.#pages = new Pages(budget);
    this.#here = here;
  }

  get here(): Here {
    return this.#here;
  }

  /** It has said that it is there. @param rttMs Our time to the server and back. */
  seen(here: Here, rttMs: number): void {
    this.#here = here;
    this.seenAt = performance.now();
    this.skewMs = here.time - Date.now() + (here.rttMs + rttMs) / 2;
  }

  /** True unless we have the list of topics that it has now. */
  get isListOld(): boolean {
    return this.#list !== this.#here.list;
  }

  /** A part of its list has come. @returns whether the list is whole now. */
  add(page: ListPage): boolean {
    const topics = this.#pages.add(page);
    if (!topics) return false;
    this.topics = topics;
    this.#list = page.list;
    return true;
  }

  /** It is forgotten. */
  close(): void {
    this.#pages.close();
  }

  /** A message of its topics has come that was made at that time, in milliseconds since the epoch. */
  heard(time: number): void {
    this.#late[this.#lateAt] = Date.now() - time + this.skewMs;
    this.#lateAt = (this.#lateAt + 1) % REMEMBERED;
  }

  /** How late its messages came: half of the last ones within this, in milliseconds. */
  get lateMs(): number | undefined {
    return this.#late.toSorted((one, other) => one - other)[this.#late.length >> 1];
  }
}
