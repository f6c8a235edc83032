/** The snapshot of a daemon, as `chimed status --json` prints it. Times are milliseconds since the epoch. */
export interface Status {
  version: string;
  pid: number;
  instance: string;
  uptimeSeconds: number;
  /** Resident memory of the daemon. */
  memoryBytes: number;
  /** Null for whoever is neither root nor the daemon's user. */
  configFile: string | null;
  socketPath: string;
  /** The last reload; null before the first, absent in version 0.1. */
  reload?: ReloadStatus | null;
  /** Absent in version 0.1. */
  totals?: Totals;
  /** What the event loop has done since the start. Absent in version 0.1. */
  eventLoop?: EventLoopStatus;
  /** How many clients are connected, those of other users included. */
  clientCount: number;
  /**
   * The clients of each user, the first 200 users: all for root, the daemon's user and the gateway's (`web.user`), else the
   * asker's own. Absent in version 0.1.
   */
  users?: UserStatus[];
  /** The asker's user's clients, or for root and the daemon's user all; the first 200. */
  clients: ClientStatus[];
  /** Changes whenever topics are added, changed or removed. Absent in version 0.1. */
  topicsRevision?: number;
  /** How many topics there are that the asker may hear and asked for. */
  topicCount: number;
  /** They come in pages of 200. */
  topics: TopicStatus[];
}

/** What has been counted since the daemon was started. It only grows, whoever leaves and whatever a reload changes. */
export interface Totals {
  /** Clients that were let in. */
  connections: number;
  /** Messages of all topics. */
  messages: number;
  /** Messages sent to clients, each counted for each client. */
  sent: number;
  /** Messages that clients will never get. */
  skipped: number;
  /** Samples that failed. */
  failures: number;
  skippedTicks: number;
  /** Payloads of streams that newer ones have replaced before they were sent (`every`). */
  omitted: number;
}

/** How late the ticks of a topic came. Those of several topics, or daemons, can be added up. */
export interface LatenessStatus {
  /**
   * How many were late by less than 0.512 ms; by that or more but less than 1.024 ms; and so on, twelve times the double
   * (1,048.576 ms is the last); and how many by more.
   */
  counts: number[];
  sumMs: number;
}

/** Time that the event loop spent working and waiting since the start, and how late it is, all in milliseconds. */
export interface EventLoopStatus {
  activeMs: number;
  idleMs: number;
  /** How late the latest timer of the ticks was, or the next one is already; 0 if none has fired for a minute. */
  lagMs: number;
}

/** All clients of one user. */
export interface UserStatus {
  /** Null for peers without credentials. */
  uid: number | null;
  clients: number;
  /** Bytes that wait for them. */
  pendingBytes: number;
}

export interface ReloadStatus {
  at: number;
  /** It has changed nothing. */
  failed: boolean;
  /** Why; null also for whoever is neither root nor the daemon's user. */
  error: string | null;
}

export interface ClientStatus {
  id: number;
  name: string | null;
  /** Who it is, as the kernel says; null where it does not. */
  pid: number | null;
  uid: number | null;
  gid: number | null;
  groups: readonly number[] | null;
  /** Topics and patterns that it is registered for, the first 20; empty for one that has yet to register. */
  topics: string[];
  /** How many there are. */
  patternCount: number;
  /** Messages sent to it. */
  sent: number;
  /** Messages that it will never get, because it did not read in time. */
  skipped: number;
  /** Bytes that wait for it. */
  pendingBytes: number;
  /** When it connected. */
  since: number;
  /** Topics that it provides, if any. */
  provides?: number;
  /** The user's requests come through the gateway: `pid` is the gateway's. */
  onBehalf?: true;
}

export interface TopicStatus {
  topic: string;
  /**
   * `every 1s`, `every 60s aligned`, `on change, every 60s`, `cron 0 * * * * Europe/Berlin`, each with ` +3200ms` if
   * `splay` delays it; null if clients, or a stream, set the pace.
   */
  schedule: string | null;
  /** When it ticks next, if it is awake or goes by a clock; absent in version 0.1. */
  next?: number | null;
  /** Kind of its source: data, command, file, module, host, publish or provide. */
  source: string;
  /** False while nobody is registered: no timer, no sample. */
  awake: boolean;
  /** Number of its latest message, 0 before the first. */
  seq: number;
  /** How many clients hear it. */
  clients: number;
  lastSent: number | null;
  /** How late ticks came, in milliseconds: half of them, and 99 of 100, came within this. */
  lateP50Ms: number | null;
  lateP99Ms: number | null;
  /** Absent in version 0.1. */
  lateness?: LatenessStatus;
  /** Ticks that did not happen because an earlier one, or the machine, took too long. */
  skippedTicks: number;
  /** Payloads of its stream that newer ones have replaced before they were sent; only with `every`. */
  omitted?: number;
  /** Samples that failed. */
  failures: number;
  /** Why the latest sample failed; null if it did not. */
  lastError: string | null;
  /** When the last sample that did not fail was taken, or the last message published; absent in version 0.1. */
  lastGood?: number | null;
  /** When its source began to fail; null while it does not. Absent in version 0.1. */
  failingSince?: number | null;
  /** Its provider's client, null if it has none; only where clients provide it (`provide: true`). */
  provider?: number | null;
  /** Its numbers are metrics (`metrics: true`). */
  metrics?: true;
  /** The asker may publish to it. */
  publishable?: true;
}
