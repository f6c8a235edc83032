import type { Status, TopicStatus } from '../../src/protocol/status-snapshot.ts';

/** A topic of a snapshot: an interval topic that has just sent a message. */
export function topicStatus(topic: string, others: Partial<TopicStatus> = {}): TopicStatus {
  return {
    topic,
    schedule: 'every 1s',
    next: 1_700_000_001_000,
    source: 'host',
    awake: true,
    seq: 57,
    clients: 2,
    lastSent: 1_700_000_000_000,
    lateP50Ms: 0.4,
    lateP99Ms: 3,
    lateness: { counts: [40, 10, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], sumMs: 1560 },
    skippedTicks: 3,
    failures: 4,
    lastError: null,
    lastGood: 1_700_000_000_000,
    failingSince: null,
    ...others,
  };
}

/** A snapshot with everything that a daemon can report. */
export function snapshot(others: Partial<Status> = {}): Status {
  const topics = others.topics ?? [topicStatus('host.load')];
  return {
    version: '0.2.0',
    pid: 12_345,
    instance: 'f00dcafe',
    uptimeSeconds: 60,
    memoryBytes: 50_000_000,
    configFile: '/etc/chimed/chimed.yaml',
    socketPath: '/run/chimed/chimed.sock',
    reload: { at: 1_700_000_000_500, failed: true, error: 'topics: must be a mapping' },
    totals: { connections: 9, messages: 57, sent: 114, skipped: 5, failures: 4, skippedTicks: 3, omitted: 2 },
    eventLoop: { activeMs: 1500, idleMs: 58_500, lagMs: 2 },
    clientCount: 3,
    users: [
      { uid: 1000, clients: 2, pendingBytes: 4096 },
      { uid: null, clients: 1, pendingBytes: 0 },
    ],
    clients: [
      {
        id: 6_789,
        name: 'secret-name',
        pid: 54_321,
        uid: 1000,
        gid: 1000,
        groups: [],
        topics: ['host.load'],
        patternCount: 1,
        sent: 114,
        skipped: 5,
        pendingBytes: 4096,
        since: 1_700_000_000_000,
      },
    ],
    topicCount: topics.length,
    topics,
    ...others,
  };
}
