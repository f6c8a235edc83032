import { EVENT_ALIAS, EVENT_MAPPING, EVENT_POP, EVENT_SCALAR, getScalarValue, parseEvents } from 'js-yaml';
import type { Event } from 'js-yaml';

/** Where the keys of a YAML text are. It is parsed once, for as many as are asked for. */
export class KeyLines {
  readonly #text: string;
  readonly #events: readonly Event[];

  /** @param text One that could be loaded. */
  constructor(text: string) {
    this.#text = text;
    this.#events = parseEvents(text, {});
  }

  /** The line, from 1, of the key that a path leads to, or of the last one on the way that is there. */
  of(path: readonly string[]): number | undefined {
    let offset: number | undefined;
    let at = 1; // The first event opens the document.
    for (const name of path) {
      const key = this.#findKey(name, at);
      if (key === undefined) break;
      offset = key.start;
      at = key.next;
    }
    return offset === undefined ? undefined : this.#text.slice(0, offset).split('\n').length;
  }

  /** The key of this name in the mapping that begins at an event: where it starts, and the event of its value. */
  #findKey(name: string, mapping: number): { start: number; next: number } | undefined {
    if (this.#events[mapping]?.type !== EVENT_MAPPING) return undefined;
    let at = mapping + 1;
    for (let event = this.#events[at]; event && event.type !== EVENT_POP; event = this.#events[at]) {
      const next = this.#after(at);
      if (event.type === EVENT_SCALAR && getScalarValue(this.#text, event) === name) {
        return { start: event.valueStart, next };
      }
      at = this.#after(next);
    }
    return undefined;
  }

  /** The event after the node that begins at one. */
  #after(at: number): number {
    const type = this.#events[at]?.type;
    let next = at + 1;
    if (type === EVENT_SCALAR || type === EVENT_ALIAS) return next;
    while (next < this.#events.length && this.#events[next]?.type !== EVENT_POP) next = this.#after(next);
    return next + 1;
  }
}
