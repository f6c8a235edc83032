import { LATENESS_BOUNDS_MS } from '../protocol/lateness-bounds.ts';
import type { LatenessStatus, Status, TopicStatus, UserStatus } from '../protocol/status-snapshot.ts';

/** A metric family whose samples are one number for each subject: the daemon, a user or a topic. */
export interface Family<Subject> {
  /** Of the samples: that of a counter ends in `_total`. A name in `_seconds` or `_bytes` has that unit. */
  name: string;
  type: 'gauge' | 'counter';
  /** Has neither quotes nor backslashes, so that no format escapes it. */
  help: string;
  /** The number; absent if the daemon does not report it. */
  of: (subject: Subject, now: number) => number | boolean | null | undefined;
}

/** The only metric while the daemon is away. */
export const up: Family<Status | undefined> = {
  name: 'chimed_up',
  type: 'gauge',
  help: 'Whether the daemon answers.',
  of: (status) => status !== undefined,
};

/** Has the version as its label. */
export const buildInfo: Family<Status> = {
  name: 'chimed_build_info',
  type: 'gauge',
  help: 'Always 1; the label has the version of the daemon.',
  of: () => 1,
};

export const daemonFamilies: readonly Family<Status>[] = [
  {
    name: 'chimed_uptime_seconds',
    type: 'gauge',
    help: 'Time since the daemon was started.',
    of: ({ uptimeSeconds }) => uptimeSeconds,
  },
  {
    name: 'chimed_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the daemon.',
    of: ({ memoryBytes }) => memoryBytes,
  },
  {
    name: 'chimed_event_loop_active_seconds_total',
    type: 'counter',
    help: 'Time that the event loop of the daemon spent working.',
    of: ({ eventLoop }) => seconds(eventLoop?.activeMs),
  },
  {
    name: 'chimed_event_loop_idle_seconds_total',
    type: 'counter',
    help: 'Time that the event loop of the daemon spent waiting.',
    of: ({ eventLoop }) => seconds(eventLoop?.idleMs),
  },
  {
    name: 'chimed_event_loop_lag_seconds',
    type: 'gauge',
    help: 'How late the event loop of the daemon is now.',
    of: ({ eventLoop }) => seconds(eventLoop?.lagMs),
  },
  {
    name: 'chimed_connections_total',
    type: 'counter',
    help: 'Clients that have connected.',
    of: ({ totals }) => totals?.connections,
  },
  {
    name: 'chimed_clients',
    type: 'gauge',
    help: 'Clients that are connected now, of all users.',
    of: ({ clientCount }) => clientCount,
  },
  {
    name: 'chimed_pending_bytes',
    type: 'gauge',
    help: 'Bytes that wait for the clients that the collector can see, of the 200 users with the most clients.',
    of: ({ users }) => users?.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0),
  },
  {
    name: 'chimed_topics',
    type: 'gauge',
    help: 'Topics that these metrics cover.',
    of: ({ topicCount }) => topicCount,
  },
  {
    name: 'chimed_messages_total',
    type: 'counter',
    help: 'Messages of all topics, each counted once.',
    of: ({ totals }) => totals?.messages,
  },
  {
    name: 'chimed_messages_sent_total',
    type: 'counter',
    help: 'Messages sent to clients, each counted once for each client.',
    of: ({ totals }) => totals?.sent,
  },
  {
    name: 'chimed_messages_skipped_total',
    type: 'counter',
    help: 'Messages that slow clients will never receive.',
    of: ({ totals }) => totals?.skipped,
  },
  {
    name: 'chimed_sample_failures_total',
    type: 'counter',
    help: 'Failed samples of all topics.',
    of: ({ totals }) => totals?.failures,
  },
  {
    name: 'chimed_skipped_ticks_total',
    type: 'counter',
    help: 'Skipped ticks of all topics.',
    of: ({ totals }) => totals?.skippedTicks,
  },
  {
    name: 'chimed_omitted_payloads_total',
    type: 'counter',
    help: 'Payloads of streams that newer ones replaced before they were sent (every).',
    of: ({ totals }) => totals?.omitted,
  },
  {
    name: 'chimed_reload_failed',
    type: 'gauge',
    help: 'Whether the last reload failed, so that the previous configuration stays in effect.',
    of: ({ reload }) => (reload === null ? false : reload?.failed),
  },
  {
    name: 'chimed_reload_timestamp_seconds',
    type: 'gauge',
    help: 'When the configuration was last reloaded, or when that last failed.',
    of: ({ reload }) => seconds(reload?.at),
  },
];

/** Labelled with the uid, which is `none` for peers without credentials. */
export const userFamilies: readonly Family<UserStatus>[] = [
  {
    name: 'chimed_user_clients',
    type: 'gauge',
    help: 'Connected clients of a user.',
    of: ({ clients }) => clients,
  },
  {
    name: 'chimed_user_pending_bytes',
    type: 'gauge',
    help: 'Bytes that wait for the clients of a user.',
    of: ({ pendingBytes }) => pendingBytes,
  },
];

/** Labelled with the topic. */
export const topicFamilies: readonly Family<TopicStatus>[] = [
  {
    name: 'chimed_topic_messages_total',
    type: 'counter',
    help: 'Messages of a topic: the number of its latest one, which a graceful restart keeps.',
    of: ({ seq }) => seq,
  },
  {
    name: 'chimed_topic_skipped_ticks_total',
    type: 'counter',
    help: 'Ticks that did not happen because an earlier one, or the machine, took too long.',
    of: ({ skippedTicks }) => skippedTicks,
  },
  {
    name: 'chimed_topic_omitted_payloads_total',
    type: 'counter',
    help: 'Payloads of a stream that newer ones replaced before they were sent (every).',
    of: ({ omitted }) => omitted,
  },
  {
    name: 'chimed_topic_failures_total',
    type: 'counter',
    help: 'Failed samples of a topic.',
    of: ({ failures }) => failures,
  },
  {
    name: 'chimed_topic_failing',
    type: 'gauge',
    help: 'Whether the latest sample failed.',
    of: ({ lastError }) => lastError !== null,
  },
  {
    name: 'chimed_topic_subscribers',
    type: 'gauge',
    help: 'Clients that are subscribed to a topic.',
    of: ({ clients }) => clients,
  },
  {
    name: 'chimed_topic_awake',
    type: 'gauge',
    help: 'Whether a topic takes samples: it has subscribers, or is always awake.',
    of: ({ awake }) => awake,
  },
  {
    name: 'chimed_topic_interval_seconds',
    type: 'gauge',
    help: 'Interval of a topic that has one.',
    of: ({ schedule }) => intervalOf(schedule),
  },
  {
    name: 'chimed_topic_last_message_timestamp_seconds',
    type: 'gauge',
    help: 'When the latest message of a topic was sent.',
    of: ({ lastSent }) => seconds(lastSent),
  },
  {
    name: 'chimed_topic_last_good_age_seconds',
    type: 'gauge',
    help: 'Time since the last sample that did not fail, or the last publication.',
    of: ({ lastGood }, now) => seconds(ageOf(lastGood, now)),
  },
];

/** The histogram of the ticks of a topic; topics without a schedule have none. */
export const lateness = {
  name: 'chimed_topic_lateness_seconds',
  type: 'histogram',
  help: 'How late the ticks of a topic came.',
  of: ({ schedule, lateness: status }: TopicStatus): LatenessStatus | undefined =>
    schedule === null ? undefined : status,
  /** From microseconds, which are whole, so that no bound has a rounding error. */
  bounds: LATENESS_BOUNDS_MS.map((bound) => Math.round(bound * 1000) / 1e6),
} as const;

/** The numbers in payloads of topics with `metrics: true`, labelled with the topic and the key. */
export const value = {
  name: 'chimed_value',
  type: 'gauge',
  help: 'A number in the last message of a topic that has metrics: true.',
} as const;

/** How many numbers of these payloads are over the limits. A gauge: it is about the last message alone. */
export const leftOut = {
  name: 'chimed_values_left_out',
  type: 'gauge',
  help: 'Numbers in the last message of a topic that are over the limits, and so are not in chimed_value.',
} as const;

/** How many topics with `metrics: true` the gateway does not ask for, because there are too many. */
export const topicsLeftOut = {
  name: 'chimed_value_topics_left_out',
  type: 'gauge',
  help: 'Topics with metrics: true that are over the limit, and so are not in chimed_value.',
} as const;

function seconds(ms: number | null | undefined): number | undefined {
  return typeof ms === 'number' ? ms / 1000 : undefined;
}

/** Not negative, although the clock was set back. */
function ageOf(time: number | null | undefined, now: number): number | undefined {
  return typeof time === 'number' ? Math.max(0, now - time) : undefined;
}

/** `every 60s aligned` has 60. */
function intervalOf(schedule: string | null): number | undefined {
  const [, length, unit] = /^every ([\d.]+)(ms|s)\b/.exec(schedule ?? '') ?? [];
  return length === undefined ? undefined : Number(length) / (unit === 'ms' ? 1000 : 1);
}
