import { expect, describe, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Program, cli, root } from '../helpers/program.ts';
import { RawClient } from '../helpers/raw-client.ts';

const topics = { p: { publish: true } };
const publication = (id: number): string =>
  `${JSON.stringify({ type: 'chimed.publish', data: { topic: 'p', data: id, id } })}\f`;

describe.concurrent('a client that asks too fast', () => {
  test('is told so once, and has all that it asked for done', async () => {
    await using daemon = await startDaemon({ topics, clients: { requestsPerSecond: 100 } });
    using client = await daemon.raw();
    const ids = Array.from({ length: 130 }, (_, index) => index + 1);
    client.write(ids.map(publication).join(''));
    const answers = await client.frames.take(131);
    const published = answers.filter(({ type }) => type === 'chimed.published');
    expect(published.map(({ data }) => (data as { id: number }).id)).toEqual(ids);
    const rejected = answers.filter(({ type }) => type === 'chimed.rejected');
    expect(rejected.map(({ data }) => data)).toEqual([
      {
        code: 'too-fast',
        message: expect.stringContaining('more than 100 requests per second (clients.requestsPerSecond)'),
        request: 'chimed.publish',
      },
    ]);
    // Its hundred are done, and a few that came to it meanwhile.
    expect(answers.indexOf(rejected[0]!)).toBeGreaterThanOrEqual(100);
    expect(daemon.log.items.filter(({ code }) => code === 'too-fast')).toHaveLength(1);
  });

  test('waits alone', async () => {
    await using daemon = await startDaemon({ topics, clients: { requestsPerSecond: 10 } });
    using fast = await daemon.raw();
    using other = await daemon.raw();
    fast.write(Array.from({ length: 100 }, (_, index) => publication(index)).join(''));
    await fast.frame('chimed.rejected');
    await other.send('chimed.status').frame('chimed.status');
    expect(fast.frames.items.length).toBeLessThan(50);
  });
});

describe.concurrent('a user who connects too fast', () => {
  test('is refused with a code and logged once, and those who are connected hear on', async () => {
    const tick = { interval: '20ms', data: 'tock' };
    await using daemon = await startDaemon({ topics: { tick }, clients: { connectionsPerSecond: 1 } });
    using first = await daemon.raw();
    await first.send('tick').frame('tick');
    // Ten at once, after a rest; one or two more may have come by the time.
    const clients = await Promise.all(Array.from({ length: 20 }, () => daemon.raw()));
    const refused = await clients.at(-1)!.frame('chimed.rejected');
    expect(refused.data).toMatchObject({ code: 'too-fast' });
    await Promise.all(clients.slice(14).map(({ closed }) => closed));
    expect(daemon.log.items.filter(({ code }) => code === 'too-fast').length).toBeLessThan(20);
    await first.frame('tick', first.frames.items.length);
    for (const client of clients) client[Symbol.dispose]();
  });
});

test('past the limit of open files a client is told so, and not just hung up on', async () => {
  using folder = temporaryFolder();
  const socket = folder.file('s');
  const limited = ['-c', 'ulimit -n 128; exec "$0" "$@"', process.execPath, cli, 'serve', '--socket', socket];
  await using daemon = new Program(limited, {}, root, 'sh');
  await daemon.stdout.find((line) => line.includes('the limit of open files allows fewer clients'));
  await daemon.stdout.find((line) => line.includes('listening'));
  const clients = await Promise.all(Array.from({ length: 65 }, () => RawClient.connect(socket)));
  const { data } = await clients.at(-1)!.frame('chimed.rejected');
  expect(data).toMatchObject({
    code: 'too-many-clients',
    message: 'all 64 connections are in use (the limit of open files); close some, or retry later',
  });
  await clients[0]!.send('message').frame('message');
  for (const client of clients) client[Symbol.dispose]();
});
