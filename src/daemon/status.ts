import type { ScheduleConfig } from '../config/config.ts';
import type { ClientStatus, Status, TopicStatus } from '../protocol/status.ts';
import type { Client } from './client.ts';
import type { Registry } from './registry.ts';
import type { Vitals } from './supervision.ts';
import type { Topic } from './topic.ts';

/** What the snapshot says of the daemon itself. */
export interface DaemonFacts {
  version: string;
  instance: string;
  startedAt: number;
  configFile: string;
  socketPath: string;
}

/** Takes the snapshot that `chimed status` prints. */
export function takeStatus(facts: DaemonFacts, registry: Registry): Status {
  const { startedAt, ...rest } = facts;
  return {
    ...rest,
    pid: process.pid,
    uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
    memoryBytes: process.memoryUsage.rss(),
    clients: [...registry.clients.values()].map(clientStatus),
    topics: [...registry.topics.values()].map(topicStatus),
  };
}

/** Takes the signs of life. */
export function takeVitals({ clients, topics }: Registry): Vitals {
  const all = [...topics.values()];
  return {
    clients: clients.size,
    topics: all.length,
    awake: all.filter(({ awake }) => awake).length,
    messages: all.reduce((sum, { seq }) => sum + seq, 0),
    overdueMs: all.reduce((most, { sampler }) => Math.max(most, sampler.overdueMs), 0),
    failing: all
      .filter(({ sampler }) => sampler.failing > 0)
      .toSorted((one, other) => other.sampler.failing - one.sampler.failing)
      .map(({ name, sampler }) => ({ topic: name, error: sampler.lastError ?? '' })),
  };
}

function clientStatus({
  id,
  name,
  peer,
  patterns,
  sent,
  skipped,
  pendingBytes,
  since,
}: Client): ClientStatus {
  const { pid = null, uid = null, gid = null, groups = null } = peer ?? {};
  const who = { id, name: name ?? null, pid, uid, gid, groups };
  return { ...who, topics: [...patterns], sent, skipped, pendingBytes, since };
}

function topicStatus({ name, config, seq, lastSent, subscribers, awake, sampler }: Topic): TopicStatus {
  return {
    topic: name,
    schedule: config.schedule ? describeSchedule(config.schedule) : null,
    source: config.source.kind,
    awake,
    seq,
    clients: subscribers,
    lastSent: lastSent ?? null,
    lateP50Ms: sampler.latePercentile(50),
    lateP99Ms: sampler.latePercentile(99),
    skippedTicks: sampler.skippedTicks,
    failures: sampler.failures,
    lastError: sampler.lastError ?? null,
  };
}

function describeSchedule(schedule: ScheduleConfig): string {
  if (schedule.kind === 'cron')
    return `cron ${schedule.pattern}${schedule.timezone ? ` ${schedule.timezone}` : ''}`;
  const seconds = schedule.intervalMs / 1000;
  const every = seconds < 1 ? `${schedule.intervalMs}ms` : `${seconds}s`;
  return `every ${every}${schedule.align ? ' aligned' : ''}`;
}
