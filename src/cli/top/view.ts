import type { Key } from 'node:readline';

import { clientSortKeys, topicSortKeys } from './listing.ts';
import type { ClientSort, Order, TopicSort } from './listing.ts';
import { actionOf } from './keys.ts';
import type { Action } from './keys.ts';

export type TopPage = 'topics' | 'clients';
/** Name of a topic, or number of a client. */
export type RowId = string | number;

/** Characters of a filter; no name is longer. */
const LONGEST_FILTER = 255;

/** The rows of the page that is shown, and how many of them the screen has place for. */
export interface Rows {
  ids: readonly RowId[];
  height: number;
}

/** What the user looks at, and how. */
export class TopView {
  page: TopPage = 'topics';
  /** What is shown in place of the table. */
  open: 'detail' | 'help' | undefined;
  isPaused = false;
  filter = '';
  /** The filter is being typed. */
  isTyping = false;
  readonly topicOrder: Order<TopicSort>;
  readonly clientOrder: Order<ClientSort> = { by: 'id', isReversed: false };
  readonly #selected: Partial<Record<TopPage, RowId>> = {};
  /** First row of a page that is on the screen. */
  readonly #scrolled: Record<TopPage, number> = { topics: 0, clients: 0 };
  /** First line of the help or a detail that is on the screen. */
  #textLine = 0;

  constructor(sort: TopicSort = 'name', isReversed = false) {
    this.topicOrder = { by: sort, isReversed };
  }

  /** The row that is selected: the first one if the chosen one is not there. Undefined if there are no rows. */
  selected(ids: readonly RowId[]): RowId | undefined {
    const chosen = this.#selected[this.page];
    return chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
  }

  /** Index of the first row on the screen: the selected row is always there. */
  firstRow({ ids, height }: Rows): number {
    const selected = Math.max(ids.indexOf(this.selected(ids)!), 0);
    const lowest = Math.max(selected - height + 1, 0);
    const highest = Math.min(selected, Math.max(ids.length - height, 0));
    return (this.#scrolled[this.page] = Math.max(Math.min(this.#scrolled[this.page], highest), lowest));
  }

  /** Index of the first line of a text on the screen. */
  firstLine(lines: number, height: number): number {
    return (this.#textLine = Math.max(Math.min(this.#textLine, lines - height), 0));
  }

  /**
   * Does what a key asks for.
   * @param text The text that the key types.
   * @param rows Those that the user sees.
   * @returns what is not the view's to do.
   */
  press(text: string | undefined, key: Key, rows: Rows): 'quit' | 'suspend' | 'redraw' | undefined {
    const action = actionOf(text, key);
    if (action === 'suspend' || action === 'redraw') return action;
    if (this.isTyping && !(key.ctrl && action === 'quit')) this.#type(text, key);
    else if (action) return this.#act(action, rows);
    return undefined;
  }

  #type(text: string | undefined, key: Key): void {
    if (key.name === 'return' || key.name === 'enter') this.isTyping = false;
    else if (key.name === 'escape') {
      this.isTyping = false;
      this.filter = '';
    } else if (key.name === 'backspace') this.filter = [...this.filter].slice(0, -1).join('');
    else if (key.ctrl && key.name === 'u') this.filter = '';
    else if (text !== undefined && !key.ctrl && !key.meta && /^\P{Cc}+$/u.test(text))
      this.filter = (this.filter + text).slice(0, LONGEST_FILTER);
  }

  #act(action: Action, rows: Rows): 'quit' | undefined {
    switch (action) {
      case 'quit':
        return 'quit';
      case 'back':
        return this.#back();
      case 'up':
      case 'down':
      case 'page-up':
      case 'page-down':
      case 'first':
      case 'last':
        this.#move(stepOf(action, rows.height), rows.ids);
        break;
      case 'open':
        this.#open(this.open || rows.ids.length === 0 ? undefined : 'detail');
        break;
      case 'help':
        this.#open(this.open === 'help' ? undefined : 'help');
        break;
      case 'pause':
        this.isPaused = !this.isPaused;
        break;
      default:
        this.open = undefined;
        this.#arrange(action);
    }
    return undefined;
  }

  #arrange(action: Action): void {
    const order = this.page === 'topics' ? this.topicOrder : this.clientOrder;
    if (action === 'clients') this.page = this.page === 'topics' ? 'clients' : 'topics';
    else if (action === 'filter') this.isTyping = true;
    else if (action === 'reverse') order.isReversed = !order.isReversed;
    else if (action === 'sort') {
      this.topicOrder.by =
        this.page === 'topics' ? after(topicSortKeys, this.topicOrder.by) : this.topicOrder.by;
      this.clientOrder.by =
        this.page === 'clients' ? after(clientSortKeys, this.clientOrder.by) : this.clientOrder.by;
      order.isReversed = false;
    }
  }

  #open(what: 'detail' | 'help' | undefined): void {
    this.open = what;
    this.#textLine = 0;
  }

  /** One step back: out of a detail or the help, out of a filter, out of the program. */
  #back(): 'quit' | undefined {
    if (!this.open && this.filter === '') return 'quit';
    if (this.open) this.open = undefined;
    else this.filter = '';
    return undefined;
  }

  #move(step: number, ids: readonly RowId[]): void {
    if (this.open) {
      this.#textLine += step; // firstLine() bounds it.
      return;
    }
    const from = Math.max(ids.indexOf(this.selected(ids)!), 0);
    const id = ids[Math.max(Math.min(from + step, ids.length - 1), 0)];
    if (id !== undefined) this.#selected[this.page] = id;
  }
}

function stepOf(action: Action, height: number): number {
  const sizes: Partial<Record<Action, number>> = {
    up: -1,
    down: 1,
    'page-up': -height,
    'page-down': height,
    first: -1e6,
    last: 1e6,
  };
  return sizes[action] ?? 0;
}

function after<Name>(names: readonly Name[], name: Name): Name {
  return names[(names.indexOf(name) + 1) % names.length]!;
}
