import type { SourceConfig } from '../sources/create.ts';
import type { firsts, logFormats, logLevels } from './formats.ts';

/**
 * When a topic ticks. `timezone`: whose clock `align` and cron go by; the machine's, unless the file names one. `delayMs`:
 * how much later it ticks than the schedule says, for `splay`.
 */
export type ScheduleConfig =
  | { kind: 'interval'; intervalMs: number; align: boolean; timezone?: string; delayMs?: number }
  | { kind: 'cron'; pattern: string; timezone?: string; delayMs?: number };

/** What whoever wakes a topic gets at once: a sample unless the last one still counts, the last message, or nothing. */
export type First = (typeof firsts)[number];

/** One topic, checked and resolved. */
export interface TopicConfig {
  name: string;
  /** Absent for a topic that sends only what clients publish or provide, when they do. */
  schedule?: ScheduleConfig;
  source: SourceConfig;
  /** Of what a stream brings, the newest of each so many milliseconds is sent. Absent: all. */
  everyMs?: number;
  first: First;
  access: Access;
  timeoutMs: number;
  maxBytes: number;
  /** Absent: without bound. */
  maxAgeMs?: number;
  onChange: boolean;
  metrics: boolean;
  always: boolean;
  history: number;
  historyBytes: number;
}

/** A pattern instead of a name: all topics that match it exist once a client provides them. */
export interface NamespaceConfig extends TopicConfig {
  /** Topics that there can be at a time. */
  maxTopics: number;
  /** Bytes that the kept messages of all of them can take together. */
  totalBytes: number;
}

/** Who may register for a topic, publish to it and provide it; absent: everyone who may connect. */
export interface Access {
  subscribe?: Accounts;
  publish?: Accounts;
  provide?: Accounts;
}

/** Users and groups, by their ids. */
export interface Accounts {
  uids: readonly number[];
  gids: readonly number[];
}

/** The whole configuration, checked, resolved and frozen. */
export interface Config {
  /** The file that it was read from. */
  file: string;
  /** Directory that relative paths in it start from. */
  directory: string;
  socket: { path: string; mode: number; group?: string; backlog: number };
  /** Those of them that the file sets and that have no effect on a socket that systemd makes; absent: none. */
  socketKeys?: readonly ('path' | 'mode' | 'group')[];
  clients: {
    max: number;
    /** Absent: half of the places that there are. */
    maxPerUser?: number;
    maxPatterns: number;
    requestsPerSecond: number;
    connectionsPerSecond: number;
    bytesPerSecond: number;
    memory: number;
    memoryPerUser: number;
    pendingBytes: number;
    stallTimeoutMs: number;
    frameBytes: number;
    frameTimeoutMs: number;
  };
  log: { level: LogLevel; format: LogFormat };
  history: { maxBytes: number };
  state: { file?: string };
  web: WebConfig;
  /** Absent: `nats.servers` is not set. */
  nats?: NatsConfig;
  shutdown: { timeoutMs: number };
  topics: readonly TopicConfig[];
  /** Of those that match a topic, the first counts; a topic of that very name goes before. */
  namespaces: readonly NamespaceConfig[];
  /** What is no mistake, and may not be what was meant. Absent: nothing. */
  doubts?: readonly string[];
}

/** The gateway's part, `chimed web`. */
export interface WebConfig {
  socket: string;
  mode: number;
  /** Absent: no loopback port. */
  address?: { host: string; port: number };
  tokenFile?: string;
  hosts: readonly string[];
  /** Uid of the gateway's user; absent if there is no such user. */
  uid?: number;
  maxConnections: number;
}

/** The bridge's part, `chimed nats`. */
export interface NatsConfig {
  /** At least one, as URLs or `host:port`. */
  servers: readonly string[];
  /** A NATS credentials file. Absent: the systemd credential `nats-creds` if there is one, else none. */
  credentials?: string;
  /** Absent: TLS only where a server demands it. */
  tls?: { ca?: string; cert?: string; key?: string };
  /** What the fleet calls this machine: one word of a topic. */
  machine: string;
  /** First word, or words, of all subjects. */
  prefix: string;
  /** Patterns of the topics that other machines can hear. */
  export: readonly string[];
  /** `from`: a machine, where `*` stands for any characters. `topics`: patterns. */
  import: readonly { from: string; topics: readonly string[] }[];
  /** A JetStream stream that keeps what is exported. */
  stream?: string;
  /** Uid of the bridge's user (`nats.user`); absent if there is no such user. */
  uid?: number;
}

export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];
