import type { Key } from 'node:readline';

/** What a key asks for. */
export type Action =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'open'
  | 'back'
  | 'sort'
  | 'reverse'
  | 'filter'
  | 'clients'
  | 'pause'
  | 'help'
  | 'redraw'
  | 'suspend'
  | 'quit';

/** The keys of each action, by the names that node:readline gives them, and what the help says. */
const bindings: readonly {
  names: readonly string[];
  actions: readonly Action[];
  shown: string;
  does: string;
}[] = [
  {
    names: ['up', 'k', 'down', 'j'],
    actions: ['up', 'up', 'down', 'down'],
    shown: '↑ ↓, k j',
    does: 'select a row, or scroll',
  },
  {
    names: ['pageup', 'pagedown'],
    actions: ['page-up', 'page-down'],
    shown: 'PgUp PgDn',
    does: 'a page up or down',
  },
  {
    names: ['home', 'g', 'end', 'G'],
    actions: ['first', 'first', 'last', 'last'],
    shown: 'Home End, g G',
    does: 'the first or last row',
  },
  {
    names: ['return', 'enter'],
    actions: ['open', 'open'],
    shown: 'Enter',
    does: 'all about the selected topic or client',
  },
  { names: ['s'], actions: ['sort'], shown: 's', does: 'sort by the next column' },
  { names: ['r', 'S'], actions: ['reverse', 'reverse'], shown: 'r', does: 'reverse the order' },
  { names: ['/'], actions: ['filter'], shown: '/', does: 'show only names that contain a text' },
  { names: ['c', 'tab'], actions: ['clients', 'clients'], shown: 'c', does: 'clients, or topics again' },
  { names: ['space'], actions: ['pause'], shown: 'Space', does: 'pause, or continue' },
  { names: ['?', 'h'], actions: ['help', 'help'], shown: '? h', does: 'this help' },
  { names: ['C-l'], actions: ['redraw'], shown: 'Ctrl-L', does: 'draw the screen again' },
  { names: ['escape'], actions: ['back'], shown: 'Esc', does: 'back; from the table: quit' },
  { names: ['C-z'], actions: ['suspend'], shown: 'Ctrl-Z', does: 'suspend' },
  { names: ['q', 'C-c', 'C-d'], actions: ['quit', 'quit', 'quit'], shown: 'q, Ctrl-C', does: 'quit' },
];

const byName = new Map(
  bindings.flatMap(({ names, actions }) => names.map((name, index) => [name, actions[index]!] as const)),
);

/** The keys and what they do, for the help. */
export const keyHelp: readonly (readonly [string, string])[] = bindings.map(({ shown, does }) => [
  shown,
  does,
]);

/** What a key asks for; undefined for a key without a meaning. @param text The text that it types. */
export function actionOf(text: string | undefined, key: Key): Action | undefined {
  if (key.ctrl) return byName.get(`C-${key.name}`);
  if (key.meta && key.name !== 'escape') return undefined;
  return byName.get(text ?? '') ?? byName.get(key.name ?? '');
}
