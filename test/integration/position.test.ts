import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Client } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { next, numbers } from '../helpers/next.ts';
import { Relay } from '../helpers/relay.ts';

const config = {
  topics: { long: { publish: true, history: 10 }, short: { publish: true, history: 1 } },
};

async function publishAll(client: Client, topics: readonly string[]): Promise<void> {
  for (const topic of topics) await client.publish(topic, topic);
}

/** Counts how often a client is told that the number of lost messages is unknown. */
function countUncounted(client: Client): { times: number } {
  const told = { times: 0 };
  client.on('uncounted', () => told.times++);
  return told;
}

describe.concurrent('a position', () => {
  test('is undefined before the client is ready, and remains readable after it is closed', async () => {
    await using daemon = await startDaemon(config);
    const client = daemon.connect();
    expect(client.position).toBeUndefined();
    const all = client.listen('*');
    await publishAll(client, ['long', 'short', 'long']);
    await next(all, 3);
    await client.close();
    const { instance, after } = client.position!;
    expect(after).toEqual({ long: 2, short: 1 });
    expect(instance).toMatch(/^\w+$/);
  });

  test('lets a later client count exactly what it missed, and hear what the daemon has kept', async () => {
    await using daemon = await startDaemon(config);
    await using publisher = daemon.connect();
    const first = daemon.connect();
    const heard = first.listen('*');
    await publishAll(publisher, ['long', 'short']);
    await next(heard, 2);
    await first.close();
    await publishAll(publisher, ['long', 'short', 'short', 'short', 'long']);

    await using second = daemon.connect({ resume: first.position! });
    const told = countUncounted(second);
    const [long, short] = [second.listen('long'), second.listen('short')];
    expect(numbers(await next(long, 2))).toEqual([
      [2, 0],
      [3, 0],
    ]);
    expect(numbers(await next(short, 1))).toEqual([[4, 2]]);
    expect(told.times).toBe(0);
    expect(second.state).toMatchObject({ resumed: true });
  });

  test('of an ended numbering is reported once as uncounted, and only if it names a topic', async () => {
    using folder = temporaryFolder();
    const first = await startDaemon(config, { folder });
    const former = first.connect();
    const heard = former.listen('long');
    await publishAll(former, ['long']);
    await next(heard, 1);
    await former.close();
    await first.program.kill('SIGKILL').ended;
    await using daemon = await startDaemon(config, { folder });
    await using publisher = daemon.connect();
    await publishAll(publisher, ['long']);
    const position = former.position!;
    await using one = daemon.connect({ resume: position });
    await using other = daemon.connect({ resume: { ...position, after: {} } });
    const told = [one, other].map(countUncounted);
    for (const client of [one, other])
      expect(numbers(await next(client.listen('long'), 1))).toEqual([[1, 0]]);
    expect(told).toEqual([{ times: 1 }, { times: 0 }]);
  });

  test('of more topics than fit into a frame still lets the client count what it missed', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `topic.with.a.long.name.n${index}`);
    const topics = Object.fromEntries(names.map((name) => [name, { publish: true, history: 5 }]));
    await using daemon = await startDaemon({ topics, clients: { frameBytes: '4KiB' } });
    await using relay = await Relay.start(daemon.socket);
    await using publisher = daemon.connect();
    const warnings: string[] = [];
    const warn = (_: object, message: string) => void warnings.push(message);
    const logger = { debug() {}, info() {}, warn, error() {} };
    await using client = connect({ socket: relay.socket, retry: { minMs: 1, maxMs: 10 }, logger });
    const all = client.listen('>', { buffer: 2000 });
    await publishAll(publisher, names);
    await next(all, names.length);
    relay.cut();
    for (let times = 0; times < 3; times++) await publishAll(publisher, names);
    relay.mend();
    const accounted = new Map<string, number>();
    for await (const { topic, seq, missed } of all) {
      accounted.set(topic, (accounted.get(topic) ?? 1) + 1 + missed);
      expect(accounted.get(topic)).toBe(seq);
      if ([...accounted.values()].filter((last) => last === 4).length === names.length) break;
    }
    expect(warnings.filter((line) => /do not fit into one frame/.test(line))).not.toEqual([]);
    expect(warnings.filter((line) => /the number is unknown/.test(line))).toEqual([]);
  });
});
