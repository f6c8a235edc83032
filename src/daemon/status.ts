import type { ScheduleConfig } from '../config/config.ts';
import type { ClientStatus, Status, TopicStatus } from '../protocol/status.ts';
import type { Client } from './client.ts';
import type { Registry } from './registry.ts';
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

function clientStatus({ id, name, patterns, sent, skipped, pendingBytes, since }: Client): ClientStatus {
  return { id, name: name ?? null, topics: [...patterns], sent, skipped, pendingBytes, since };
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
