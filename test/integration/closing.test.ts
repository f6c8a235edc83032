import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const topics = { price: { publish: true } };

describe.concurrent('a closed client', () => {
  test('refuses what is asked of it, at once', async () => {
    await using daemon = await startDaemon({ topics });
    const client = daemon.connect({ timeoutMs: 200 });
    await client.status();
    await client.close();
    await expect(client.publish('price', 1)).rejects.toMatchObject({ code: 'closed' });
    await expect(client.status()).rejects.toMatchObject({ code: 'closed' });
  });

  test('that gave up says why it did, also to who asks later', async () => {
    using folder = temporaryFolder();
    const client = connect({ socket: folder.file('s'), retry: false, timeoutMs: 200 });
    await client.closed;
    await expect(client.listen('price').next()).rejects.toMatchObject({ code: 'no-daemon' });
    await expect(client.publish('price', 1)).rejects.toMatchObject({ code: 'no-daemon' });
  });

  test.each(['connecting', 'waiting'])('stays closed, though it was closed as it was %s', async (when) => {
    using folder = temporaryFolder();
    const client = connect({ socket: folder.file('s'), retry: { minMs: 1, maxMs: 1 } });
    await once(client, 'state');
    const states: string[] = [];
    client.on('state', ({ status }) => {
      states.push(status);
      if (status === when) void client.close();
    });
    await client.closed;
    await using daemon = await startDaemon({ topics }, { folder });
    expect((await daemon.status()).clients, 'who asks, and nobody else').toHaveLength(1);
    expect(states.at(-1)).toBe('closed');
  });
});

test('a publication that is larger than any frame may be is refused as too large', async () => {
  await using daemon = await startDaemon({ topics, clients: { frameBytes: '64KiB' } });
  await using client = daemon.connect();
  const answer = client.publish('price', 'x'.repeat(3 * 64 * 1024));
  await expect(answer).rejects.toMatchObject({ code: 'too-large' });
});

test('a client that was one too many is told so by the library', async () => {
  await using daemon = await startDaemon({ topics, clients: { max: 1 } });
  await using first = daemon.connect();
  await first.status();
  await using second = daemon.connect({ retry: false });
  expect(await second.closed).toMatchObject({ code: 'too-many-clients' });
  await first.status();
});
