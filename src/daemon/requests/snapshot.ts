import type { ScheduleConfig, TopicConfig } from '../../config/config.ts';
import { STATUS_PAGE } from '../../protocol/limits.ts';
import type { RequestId } from '../../protocol/messages.ts';
import type {
  ClientStatus,
  EventLoopStatus,
  ReloadStatus,
  Status,
  TopicStatus,
  Totals,
} from '../../protocol/status-snapshot.ts';
import { encodeFrame } from '../../transport/frames.ts';
import type { Session } from '../session.ts';
import { canPublish, mayHear, seesAll } from './permissions.ts';
import { userStatus } from './user-status.ts';
import type { SubscriptionIndex } from '../subscribers/subscription-index.ts';
import type { Users } from '../subscribers/users.ts';
import type { TopicSet } from '../topics/topic-set.ts';
import type { Topic } from '../topics/topic.ts';

/** Patterns that a page lists of each client. */
const MOST_PATTERNS = 20;
/** What is taken in one piece of work. */
const PIECE = 10;
/** How old the figure of the memory may be, in milliseconds: on some machines, reading it takes 20 of them. */
const MEMORY_MS = 1000;

/** What the snapshot says of the daemon itself. */
export interface DaemonFacts {
  version: string;
  instance: string;
  startedAt: number;
  configFile: string;
  socketPath: string;
  reload: ReloadStatus | null;
  totals: Totals;
  eventLoop: EventLoopStatus;
}

/** Which topics a snapshot lists. */
export interface StatusPage {
  /** Those that these patterns match. @default all */
  topics?: readonly string[];
  /** Name of the last topic of the page before. @default the first page */
  after?: string;
  /** Number of the last client of the page before. @default the first page, unless it is a later one of topics */
  afterClient?: number;
  /** The request's, which the answer repeats. */
  id?: RequestId;
}

/** What a snapshot is taken of. */
export interface SnapshotSubjects {
  clients: ReadonlyMap<number, Session>;
  topics: TopicSet;
  index: SubscriptionIndex;
  users: Users;
  /** Uid of the gateway's user, if there is one. */
  gateway: () => number | undefined;
  facts: () => DaemonFacts;
}

/**
 * Takes the snapshot that `chimed status` prints, in pieces, and limited to what the asker may see: topics that it may
 * hear, and its own user's clients. Root and the daemon's user see everything; the gateway's sees how many clients each
 * user has.
 */
export function* takeStatus(
  asker: Session,
  { topics: patterns, after, afterClient }: StatusPage,
  { clients, topics, index, users, gateway, facts }: SnapshotSubjects,
): Generator<void, Status> {
  const isPrivileged = seesAll(asker);
  const asked = patterns ? yield* matching(patterns, topics, index) : topics;
  const shownTopics: TopicStatus[] = [];
  let topicCount = 0;
  let isOnPage = after === undefined;
  for (const topic of asked) {
    if (!mayHear(asker, topic)) continue;
    topicCount++;
    if (isOnPage && shownTopics.length < STATUS_PAGE) shownTopics.push(topicStatus(topic, asker));
    if (topic.name === after) isOnPage = true;
    if (topicCount % PIECE === 0) yield;
  }
  const shownClients: ClientStatus[] = [];
  const visible = isPrivileged ? clients.values() : (asker.user.clients as Set<Session>);
  let looked = 0;
  for (const client of after === undefined || afterClient !== undefined ? visible : []) {
    if (client.id > (afterClient ?? 0) && shownClients.push(clientStatus(client)) === STATUS_PAGE) break;
    if (++looked % PIECE === 0) yield;
  }
  const isGateway = !asker.onBehalfOf && asker.peer !== undefined && asker.peer.uid === gateway();
  const isFirstPage = after === undefined && afterClient === undefined;
  const shownUsers = isFirstPage && (yield* userStatus(isPrivileged || isGateway ? users : [asker.user]));
  const { startedAt, configFile, reload, ...rest } = facts();
  return {
    ...rest,
    reload: reload && { ...reload, error: isPrivileged ? reload.error : null },
    configFile: isPrivileged ? configFile : null,
    pid: process.pid,
    uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
    memoryBytes: residentBytes(),
    clientCount: clients.size,
    ...(shownUsers && { users: shownUsers }),
    clients: shownClients,
    topicsRevision: topics.revision,
    topicCount,
    topics: shownTopics,
  };
}

function* matching(
  patterns: readonly string[],
  topics: TopicSet,
  index: SubscriptionIndex,
): Generator<void, Set<Topic>> {
  const found = new Set<Topic>();
  for (const pattern of new Set(patterns)) {
    for (const audience of index.matching(pattern)) found.add(topics.of(audience));
    yield;
  }
  return found;
}

/** The encoded answer to `chimed.status`. */
export function* statusFrame(
  asker: Session,
  page: StatusPage,
  subjects: SnapshotSubjects,
): Generator<void, Buffer> {
  const status = yield* takeStatus(asker, page, subjects);
  const data = { ...(page.id !== undefined && { id: page.id }), ...status };
  return encodeFrame({ type: 'chimed.status', data });
}

let memory = { at: -Infinity, bytes: 0 };

function residentBytes(): number {
  const now = performance.now();
  if (now - memory.at > MEMORY_MS) memory = { at: now, bytes: process.memoryUsage.rss() };
  return memory.bytes;
}

function clientStatus(client: Session): ClientStatus {
  const { id, name, connection, peer, onBehalfOf, patterns, sent, skipped, pendingBytes, since } = client;
  const { uid = null, gid = null, groups = null } = peer ?? {};
  const who = { id, name: name ?? null, pid: connection.peer?.pid ?? null, uid, gid, groups };
  const topics: string[] = [];
  for (const { text } of patterns) if (topics.push(text) === MOST_PATTERNS) break;
  return {
    ...who,
    topics,
    patternCount: patterns.size,
    sent,
    skipped,
    pendingBytes,
    since,
    ...(client.provided.size > 0 && { provides: client.provided.size }),
    ...(onBehalfOf && { onBehalf: true }),
  };
}

function topicStatus(topic: Topic, asker: Session): TopicStatus {
  const { name, config, seq, lastSent, lastGood, audience, awake, driver, health, counters } = topic;
  const { lateness, skippedTicks, failures, omitted } = counters;
  return {
    topic: name,
    schedule: config.schedule ? describeSchedule(config.schedule, isWatched(config.source)) : null,
    next: finite(driver.nextAt(Date.now())),
    source: config.source.kind,
    awake,
    seq,
    clients: audience.size,
    lastSent: lastSent ?? null,
    lateP50Ms: lateness.percentile(50),
    lateP99Ms: lateness.percentile(99),
    lateness: { counts: lateness.counts, sumMs: lateness.sumMs },
    skippedTicks,
    failures,
    ...(config.everyMs !== undefined && { omitted }),
    lastError: health.lastError ?? null,
    lastGood: lastGood ?? null,
    failingSince: health.failing > 0 ? health.failingSince : null,
    ...(config.source.kind === 'provide' && { provider: topic.provider?.id ?? null }),
    ...(config.metrics && { metrics: true }),
    ...(canPublish(asker, topic) && { publishable: true }),
  };
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? Math.round(time) : null;
}

function isWatched(source: TopicConfig['source']): boolean {
  return 'watch' in source && source.watch === true;
}

function describeSchedule(schedule: ScheduleConfig, watched: boolean): string {
  const delay = schedule.delayMs ? ` +${schedule.delayMs}ms` : '';
  if (schedule.kind === 'cron')
    return `cron ${schedule.pattern}${schedule.timezone ? ` ${schedule.timezone}` : ''}${delay}`;
  const seconds = schedule.intervalMs / 1000;
  const every = seconds < 1 ? `${schedule.intervalMs}ms` : `${seconds}s`;
  return `${watched ? 'on change, ' : ''}every ${every}${schedule.align ? ' aligned' : ''}${delay}`;
}
