import ms from 'ms';

import type { FleetLink } from '../protocol/fleet-link.ts';
import type { ClientStatus, ReloadStatus, Status, TopicStatus } from '../protocol/status-snapshot.ts';
import { ago } from './ago.ts';
import type { Colors } from './colors.ts';
import { renderFleet } from './fleet-page.ts';
import { printable, printableCell } from './printable.ts';
import { shownLength, textTable } from './text-table.ts';

/** What topics can be sorted by: by numbers, the largest first. */
const sorts = {
  name: ({ topic }) => topic,
  clients: ({ clients }) => clients,
  failed: ({ failures }) => failures,
  late: ({ lateP99Ms }) => lateP99Ms ?? -1,
  seq: ({ seq }) => seq,
  sent: ({ lastSent }) => lastSent ?? -1,
  skipped: ({ skippedTicks }) => skippedTicks,
} satisfies Record<string, (topic: TopicStatus) => string | number>;

export type SortKey = keyof typeof sorts;
export const sortKeys = Object.keys(sorts) as SortKey[];

export function sortTopics(topics: readonly TopicStatus[], key: SortKey): TopicStatus[] {
  const of: (topic: TopicStatus) => string | number = sorts[key];
  return topics.toSorted((one, other) => {
    const [a, b] = [of(one), of(other)];
    return typeof a === 'string' ? a.localeCompare(String(b)) : Number(b) - a;
  });
}

/**
 * Renders a snapshot for people: a line about the daemon, a table of topics, a table of clients.
 * @param fleet The last message of `fleet.link`, if there is that topic.
 * @param columns Width of the terminal: what is wider is cut off.
 */
export function renderStatus(status: Status, paint: Colors, columns = Infinity, fleet?: FleetLink): string {
  const { version, pid, uptimeSeconds, memoryBytes, instance, socketPath, configFile } = status;
  const { topics, topicCount, clients, clientCount, reload } = status;
  const memory = `${Math.round(memoryBytes / 1024 ** 2)} MiB`;
  return [
    `${paint.heading(`chimed ${version}`)}, pid ${pid}, up ${ms(uptimeSeconds * 1000)}, ${memory}, instance ${instance}`,
    paint.dim(`socket ${socketPath}${configFile === null ? '' : `, configuration ${configFile}`}`),
    ...(reload?.failed ? [paint.bad(failedReload(reload))] : []),
    '',
    ...textTable(
      topicHeads,
      topics.map((topic) => topicRow(topic, paint)),
      paint,
    ),
    ...omitted(topicCount - topics.length, 'topics are not listed: name some, as in chimed status "host.>"'),
    ...topics
      .filter(({ lastError }) => lastError !== null)
      .map((topic) => paint.bad(`${topic.topic} is failing: ${printable(topic.lastError ?? '')}`)),
    ...(fleet ? ['', ...renderFleet(fleet, paint)] : []),
    '',
    ...textTable(
      clientHeads,
      clients.map((client) => clientRow(client, paint)),
      paint,
    ),
    ...omitted(clientCount - clients.length, 'clients are not listed'),
    '',
  ]
    .map((line) => cropped(line, columns))
    .join('\n');
}

function failedReload({ at, error }: ReloadStatus): string {
  const why = error === null ? '' : `: ${printable(error.split('\n').join(' '))}`;
  return `the reload ${ago(at)} failed, and the old configuration stays in effect${why}`;
}

const colourOrCharacter = new RegExp(`(${String.fromCharCode(27)}\\[[\\d;]*m)|.`, 'gsu');

/** A line without what does not fit; colours, which take no room, stay. */
function cropped(line: string, columns: number): string {
  if (shownLength(line) <= columns) return line;
  let room = columns - 1;
  const kept = line.replace(colourOrCharacter, (character, colour?: string) => {
    if (colour !== undefined) return colour;
    return room-- > 0 ? character : '';
  });
  return `${kept}…`;
}

const topicHeads = [
  'TOPIC',
  'SCHEDULE',
  'SOURCE',
  'SEQ',
  'CLIENTS',
  'LAST SENT',
  'NEXT',
  'LATE P50',
  'P99',
  'SKIPPED',
  'FAILED',
];

/** When a topic without a schedule sends, by the kind of its source. */
const paces: Record<string, string> = { publish: 'when published', provide: 'when provided' };

function topicRow(topic: TopicStatus, paint: Colors): string[] {
  const { seq, clients, lastSent, lateP50Ms, lateP99Ms, skippedTicks, failures } = topic;
  return [
    topic.awake ? paint.name(topic.topic) : paint.dim(topic.topic),
    topic.schedule ?? paces[topic.source] ?? '-',
    topic.source,
    String(seq),
    clients === 0 && !topic.awake ? paint.dim('asleep') : String(clients),
    lastSent === null ? '-' : ago(lastSent),
    topic.next === undefined || topic.next === null ? '-' : `in ${ms(Math.max(topic.next - Date.now(), 0))}`,
    late(lateP50Ms),
    late(lateP99Ms),
    String(skippedTicks),
    failures > 0 ? paint.bad(String(failures)) : '0',
  ];
}

const clientHeads = ['CLIENT', 'NAME', 'PID', 'UID', 'TOPICS', 'SENT', 'SKIPPED', 'PENDING', 'CONNECTED'];

function clientRow(
  { id, name, pid, uid, topics, patternCount, sent, skipped, pendingBytes, since }: ClientStatus,
  paint: Colors,
): string[] {
  const more = patternCount > topics.length ? ` and ${patternCount - topics.length} more` : '';
  return [
    String(id),
    name === null ? '-' : printableCell(name),
    String(pid ?? '-'),
    String(uid ?? '-'),
    topics.join(' ') + more || '-',
    String(sent),
    skipped > 0 ? paint.bad(String(skipped)) : '0',
    `${pendingBytes} B`,
    ago(since),
  ];
}

function omitted(count: number, what: string): string[] {
  return count > 0 ? [`${count} ${what}`] : [];
}

function late(milliseconds: number | null): string {
  return milliseconds === null ? '-' : `${milliseconds.toFixed(1)}ms`;
}
