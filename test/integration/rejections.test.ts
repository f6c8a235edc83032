import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';

const config = {
  topics: { tick: { interval: '20ms', data: 1 } },
  clients: { frameBytes: '4KiB', frameTimeout: '200ms' },
};

/** A client that has registered under a name, and hears the ticks. */
async function registered(daemon: TestDaemon, name: string) {
  const client = await daemon.raw();
  await client.send('chimed.register', { name, topics: ['tick'] }).frame('tick');
  return client;
}

/** The warnings about a client, once it is gone, and the reason that was given for its going. */
async function account(daemon: TestDaemon, name: string) {
  const about = (line: Record<string, unknown>) => line['name'] === name;
  const { reason } = await daemon.log.find((line) => about(line) && line.msg === 'client disconnected');
  return { reason, warnings: daemon.log.items.filter((line) => about(line) && line.level === 'warn') };
}

describe.concurrent('a client that breaks the rules of the wire', () => {
  test.each([
    ['not-json', 'hello\f'.repeat(3)],
    ['not-an-object', 'null\f[]\f'],
    ['bad-type', '{}\f{}\f'],
    ['too-large', 'x'.repeat(100_000)],
    ['too-large', `{"type":"tick","data":${'['.repeat(1500)}${']'.repeat(1500)}}\f`],
    ['incomplete', '{"type":"ti'],
  ])('is gone for the reason %s, in one warning that names it', async (code, bytes) => {
    await using daemon = await startDaemon(config);
    using client = await registered(daemon, 'broken');
    client.write(bytes);
    await client.closed;
    const { reason, warnings } = await account(daemon, 'broken');
    expect(reason).toBe(code);
    expect(warnings).toMatchObject([{ code, msg: expect.stringMatching(/^rejected: /) }]);
    expect(client.frames.items.filter(({ type }) => type === 'chimed.rejected')).toHaveLength(1);
  });

  test('is answered before that what it asked for before', async () => {
    await using daemon = await startDaemon(config);
    using client = await daemon.raw();
    client.write('{"type":"chimed.status"}\f{"type":"chimed.unregister","data":{"topics":[]}}\fnot json\f');
    await client.closed;
    expect(client.frames.items.map(({ type }) => type)).toEqual([
      'chimed.status',
      'chimed.registered',
      'chimed.rejected',
    ]);
  });

  test('gains no time by sending a frame byte by byte', async () => {
    await using daemon = await startDaemon(config);
    using client = await registered(daemon, 'dribbling');
    client.write('"');
    let bytes = 0;
    while (!client.frames.items.some(({ type }) => type === 'chimed.rejected')) {
      client.write('x');
      bytes++;
      await client.frames.find(() => true, client.frames.items.length);
    }
    expect(bytes, 'it did send more, byte by byte').toBeGreaterThan(2);
    await client.closed;
    expect((await account(daemon, 'dribbling')).reason).toBe('incomplete');
  });

  test('reads why, though it never stops to write', async () => {
    await using daemon = await startDaemon(config);
    using client = await registered(daemon, 'endless');
    const write = () => {
      while (client.socket.writable && client.socket.write('x'.repeat(65_536)));
    };
    client.socket.on('drain', write);
    write();
    expect((await client.frame('chimed.rejected')).data).toHaveProperty('code', 'too-large');
    await client.closed;
  });
});

test('a client that asks and closes its side, as a shell does, gets its answer', async () => {
  await using daemon = await startDaemon(config, { level: 'debug' });
  using client = await daemon.raw();
  client.socket.end('{"type":"chimed.status"}\f');
  await client.frame('chimed.status');
  await client.closed;
  expect(await daemon.logged('client disconnected')).toHaveProperty('reason', 'left');
});
