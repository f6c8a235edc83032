import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import type { Status } from '../../src/protocol/status-snapshot.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { Stranger } from '../helpers/stranger.ts';

/** Only root can be two users. */
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('SKIPPED: what other users see, since that needs root\n');

const STRANGER = 61_000;
const config = {
  socket: { mode: '0666' },
  topics: {
    open: { interval: '20ms', data: 1 },
    secret: {
      interval: '20ms',
      always: true,
      command: 'echo password-123 >&2; exit 1',
      access: { subscribe: ['0'] },
    },
  },
};

async function startShared(): Promise<TestDaemon> {
  const daemon = await startDaemon(config);
  chmodSync(daemon.folder.path, 0o755);
  return daemon;
}

describe.runIf(isRoot)('a client of another user', () => {
  test('sees in the status what it may hear and its own clients, and of others their number', async () => {
    await using daemon = await startShared();
    using mine = await daemon.raw();
    await mine.send('chimed.register', { name: 'mine', topics: ['>'] }).frame('open');
    await daemon.logged('source is failing');
    await using stranger = new Stranger(daemon.socket, STRANGER, [], 'chimed.status', {});
    const status = (await stranger.frame('chimed.status')).data as Status;
    expect(status.topics.map(({ topic }) => topic)).toEqual(['open']);
    expect(status).toMatchObject({ topicCount: 1, clientCount: 2, configFile: null });
    expect(status.clients.map(({ uid }) => uid)).toEqual([STRANGER]);
    expect(status.users).toEqual([{ uid: STRANGER, clients: 1, pendingBytes: expect.any(Number) }]);
    expect(JSON.stringify(status)).not.toMatch(/secret|password|mine|chimed\.yaml/);
    const all = await daemon.status();
    expect(all.topics.map(({ topic }) => topic)).toEqual(['open', 'secret']);
    expect(all.topics[1]!.lastError).toContain('password-123');
    expect(all.configFile).toBe(daemon.configFile);
    expect(all.clients).toHaveLength(3);
    expect(all.users).toMatchObject([
      { uid: 0, clients: 2 },
      { uid: STRANGER, clients: 1 },
    ]);
  });

  test('sees which topics it may publish to', async () => {
    const access = { publish: [String(STRANGER)] };
    await using daemon = await startDaemon({
      ...config,
      topics: {
        mine: { publish: true, access },
        theirs: { publish: true, access: { publish: ['0'] } },
        sampled: { interval: '1h', data: 1 },
      },
    });
    chmodSync(daemon.folder.path, 0o755);
    await using stranger = new Stranger(daemon.socket, STRANGER, [], 'chimed.status', {});
    const { topics } = (await stranger.frame('chimed.status')).data as Status;
    const publishable = topics.filter((topic) => topic.publishable);
    expect(publishable.map(({ topic }) => topic)).toEqual(['mine']);
  });

  test('is not told the names of topics that it may not hear', async () => {
    await using daemon = await startShared();
    await using stranger = new Stranger(daemon.socket, STRANGER, [], 'nowhere', {});
    const { data } = await stranger.frame('chimed.rejected');
    expect(data).toMatchObject({
      code: 'unknown-topic',
      message: 'there is no topic nowhere; there is open',
    });
  });

  test('hears by a wildcard only what it may, and its registration lists no more', async () => {
    await using daemon = await startShared();
    await using stranger = new Stranger(daemon.socket, STRANGER, [], 'chimed.register', { topics: ['>'] });
    const { data } = await stranger.frame('chimed.registered');
    expect((data as { topics: { topic: string }[] }).topics.map(({ topic }) => topic)).toEqual(['open']);
  });
});

test('what a peer chose is clipped in answers and in the log', async () => {
  await using daemon = await startDaemon({ topics: { t: { publish: true } } });
  using client = await daemon.raw();
  client.send('x'.repeat(500_000));
  const { data } = await client.frame('chimed.rejected');
  expect(JSON.stringify(data).length).toBeLessThan(500);
  const line = await daemon.logged(/^rejected/);
  expect(JSON.stringify(line).length).toBeLessThan(500);
});
