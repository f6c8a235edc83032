import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import type { Registered } from '../../src/protocol/messages.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { childrenOf, isAlive } from '../helpers/processes.ts';
import type { RawClient } from '../helpers/raw-client.ts';

const tick = { interval: '20ms', data: 'tock' };
const price = { publish: true };

function expectNoGap(client: RawClient, topic: string): void {
  const seqs = client.frames.items.filter(({ type }) => type === topic).map(({ seq }) => seq!);
  expect(seqs).toEqual(seqs.map((_, index) => seqs[0]! + index));
}

describe.concurrent('a reload', () => {
  test('leaves a topic that has not changed ticking and numbering', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    using client = await daemon.raw();
    await client.send('tick').messages('tick', 3);
    for (let round = 0; round < 3; round++) {
      expect(await daemon.reload({ topics: { tick, [`other${round}`]: tick } })).toMatchObject({
        msg: 'reloaded',
      });
    }
    await client.frame('tick', client.frames.items.length);
    expectNoGap(client, 'tick');
  });

  test('goes on with the numbering of a topic that has changed', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    using client = await daemon.raw();
    await client.send('tick').messages('tick', 3);
    expect(await daemon.reload({ topics: { tick: { ...tick, data: 'new' } } })).toMatchObject({
      changed: ['tick'],
    });
    await client.frames.find(({ data }) => data === 'new');
    expectNoGap(client, 'tick');
  });

  test('brings new topics to clients whose patterns match, and takes away those that are gone, and says both', async () => {
    await using daemon = await startDaemon({ topics: { 'a.one': tick } });
    using client = await daemon.raw();
    await client.send('chimed.register', { topics: ['a.>'] }).frame('a.one');
    const from = client.frames.items.length;
    await daemon.reload({ topics: { 'a.two': tick } });
    const { data } = await client.frame('chimed.registered', from);
    expect((data as Registered).topics.map(({ topic }) => topic)).toEqual(['a.two']);
    await client.frame('a.two');
    const { length } = client.frames.items;
    await client.frames.find(({ type, seq }) => type === 'a.two' && seq === 5);
    expect(client.frames.items.slice(length).some(({ type }) => type === 'a.one')).toBe(false);
  });

  test('does not number again what a topic sent before it was away', async () => {
    await using daemon = await startDaemon({ topics: { tick, price } });
    await using publisher = daemon.connect();
    await publisher.publish('price', 1);
    await daemon.reload({ topics: { tick } });
    await expect(publisher.publish('price', 2)).rejects.toMatchObject({ code: 'unknown-topic' });
    await daemon.reload({ topics: { tick, price } });
    expect(await publisher.publish('price', 2)).toEqual({ topic: 'price', seq: 2 });
  });

  test.each([
    ['YAML that does not parse', 'topics: [', /chimed.yaml:1 /],
    ['an unknown key', { topics: { tick: { ...tick, colour: 1 } } }, /topics.tick.colour: unknown key/],
    [
      'a module that is not there',
      { topics: { tick: { interval: '1s', module: 'none.mjs' } } },
      /chimed.yaml:1 topics.tick.module: .*none.mjs cannot be loaded: there is no such file/,
    ],
  ])('with %s changes nothing and says why', async (_, config, why) => {
    await using daemon = await startDaemon({ topics: { tick } });
    using client = await daemon.raw();
    await client.send('tick').messages('tick', 3);
    const line = await daemon.reload(config);
    expect(line).toMatchObject({
      level: 'error',
      msg: 'reload failed: the old configuration stays',
      error: expect.stringMatching(why),
    });
    await client.frame('tick', client.frames.items.length);
    expectNoGap(client, 'tick');
  });

  test('changes the log level', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    using client = await daemon.raw();
    await client.send('tick').messages('tick', 3);
    expect(daemon.log.items.some(({ msg }) => msg === 'sent')).toBe(false);
    await daemon.reload({ topics: { tick }, log: { level: 'debug' } });
    await daemon.logged('sent');
  });

  test('says which settings need a restart', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    await daemon.reload({
      topics: { tick },
      clients: { frameBytes: '2MiB' },
      state: { file: 'elsewhere.json' },
    });
    expect(await daemon.logged(/need a restart$/)).toMatchObject({
      settings: ['state', 'clients.frameBytes'],
    });
    expect(existsSync(daemon.socket)).toBe(true);
  });

  test('whose file system does not answer delays no tick, and does not hold up a stop', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    using client = await daemon.raw();
    await client.send('tick').messages('tick', 3);
    rmSync(daemon.configFile);
    execFileSync('mkfifo', [daemon.configFile]); // Whoever opens it waits for a writer that never comes.
    for (let count = 0; count < 20; count++) daemon.program.kill('SIGHUP');
    await client.messages('tick', 60);
    expect(daemon.log.items.filter(({ msg }) => msg.startsWith('reload'))).toEqual([]);
    const [loading] = childrenOf(daemon.program.pid);
    expect(isAlive(loading!)).toBe(true);
    daemon.program.kill('SIGTERM');
    expect(await daemon.program.ended).toBe(0);
    await vi.waitUntil(() => !isAlive(loading!), { timeout: 10_000 });
  });

  test('is done once more for all signals that come while one is done', async () => {
    await using daemon = await startDaemon({ topics: { tick } });
    daemon.write({ topics: { tick, other: tick } });
    for (let count = 0; count < 200; count++) daemon.program.kill('SIGHUP');
    await daemon.logged('reloaded');
    await daemon.reload({ topics: { tick, last: tick } });
    await daemon.log.find((line) => line.msg === 'reloaded' && String(line['changed']) === 'last');
    expect(daemon.log.items.filter(({ msg }) => msg === 'reloaded').length).toBeLessThan(8);
  });
});
