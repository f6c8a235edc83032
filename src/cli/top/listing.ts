import type { ClientView, Model, TopicView } from './model.ts';

type SortValue = string | number;

/** What topics can be sorted by: by numbers, the largest first. */
const topicSorts = {
  name: ({ status }) => status.topic,
  rate: ({ rate }) => rate.perSecond ?? -1,
  age: ({ status }) => -(status.lastSent ?? Infinity),
  late: ({ status }) => status.lateP99Ms ?? -1,
  failed: ({ status }) => (status.lastError === null ? status.failures : Infinity),
  clients: ({ status }) => status.clients,
} satisfies Record<string, (topic: TopicView) => SortValue>;

const clientSorts = {
  id: ({ status }) => -status.id,
  name: ({ status }) => status.name ?? '',
  rate: ({ rate }) => rate.perSecond ?? -1,
  missed: ({ status }) => status.skipped,
  pending: ({ status }) => status.pendingBytes,
} satisfies Record<string, (client: ClientView) => SortValue>;

export type TopicSort = keyof typeof topicSorts;
export type ClientSort = keyof typeof clientSorts;
export const topicSortKeys = Object.keys(topicSorts) as TopicSort[];
export const clientSortKeys = Object.keys(clientSorts) as ClientSort[];

export interface Order<Key> {
  by: Key;
  isReversed: boolean;
}

/** The topics whose names contain a text, in order. */
export function listTopics(
  { topics }: Model,
  filter: string,
  { by, isReversed }: Order<TopicSort>,
): TopicView[] {
  const found = [...topics.values()].filter(({ status }) => contains(status.topic, filter));
  return sorted(found, topicSorts[by], isReversed);
}

/** The clients whose names or topics contain a text, in order. */
export function listClients(
  { clients }: Model,
  filter: string,
  { by, isReversed }: Order<ClientSort>,
): ClientView[] {
  const found = [...clients.values()].filter(({ status: { name, topics } }) =>
    [name ?? '', ...topics].some((text) => contains(text, filter)),
  );
  return sorted(found, clientSorts[by], isReversed);
}

function contains(text: string, part: string): boolean {
  return part === '' || text.toLowerCase().includes(part.toLowerCase());
}

/** Items with the same value keep the daemon's order. */
function sorted<Item>(items: Item[], valueOf: (item: Item) => SortValue, isReversed: boolean): Item[] {
  const keyed = items.map((item) => ({ item, value: valueOf(item) }));
  keyed.sort((one, other) => compare(one.value, other.value));
  if (isReversed) keyed.reverse();
  return keyed.map(({ item }) => item);
}

/** Texts go upwards, numbers downwards. */
function compare(one: SortValue, other: SortValue): number {
  if (typeof one === 'number') return Number(other) - one || 0; // Two that are infinite have no difference.
  return one === other ? 0 : one < other ? -1 : 1;
}
