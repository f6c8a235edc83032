import type { ClientStatus, Status, TopicStatus } from '../../src/protocol/status-snapshot.ts';

/** What a daemon could say of a topic. */
export function topicStatus(topic: string, more: Partial<TopicStatus> = {}): TopicStatus {
  return {
    topic,
    schedule: 'every 1s',
    next: null,
    source: 'data',
    awake: true,
    seq: 0,
    clients: 1,
    lastSent: null,
    lateP50Ms: null,
    lateP99Ms: null,
    skippedTicks: 0,
    failures: 0,
    lastError: null,
    ...more,
  };
}

/** What it could say of a client. */
export function clientStatus(id: number, more: Partial<ClientStatus> = {}): ClientStatus {
  const who = { pid: 100 + id, uid: 1000, gid: 1000, groups: [] };
  const counts = { patternCount: 1, sent: 0, skipped: 0, pendingBytes: 0, since: 0 };
  return { id, name: `client ${id}`, ...who, topics: ['>'], ...counts, ...more };
}

/** What it could say of itself. */
export function statusOf(
  topics: readonly TopicStatus[],
  clients: readonly ClientStatus[] = [],
  more: Partial<Status> = {},
): Status {
  return {
    version: '1.2.3',
    pid: 1,
    instance: 'abc',
    uptimeSeconds: 5,
    memoryBytes: 2 ** 26,
    configFile: null,
    socketPath: '/run/chimed/chimed.sock',
    reload: null,
    clientCount: clients.length,
    clients: [...clients],
    topicCount: topics.length,
    topics: [...topics],
    ...more,
  };
}
