import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Client, Message, State } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { Inbox } from '../helpers/inbox.ts';
import { next, numbers } from '../helpers/next.ts';
import { Relay } from '../helpers/relay.ts';

const retry = { minMs: 1, maxMs: 20 };

/** The states that a client enters from now on. */
function statesOf(client: Client): Inbox<State> {
  const states = new Inbox<State>();
  client.on('state', (state) => states.push(state));
  return states;
}

describe.concurrent('a client whose connection is cut', () => {
  test('hears what was published meanwhile, in order and once, each time', async () => {
    await using daemon = await startDaemon({ topics: { price: { publish: true, history: 10 } } });
    await using relay = await Relay.start(daemon.socket);
    await using client = connect({ socket: relay.socket, retry });
    await using publisher = daemon.connect();
    const states = statesOf(client);
    const prices = client.listen('price');
    await publisher.publish('price', 1);
    expect(numbers(await next(prices, 1))).toEqual([[1, 0]]);
    for (let seq = 2; seq < 17; seq += 3) {
      const from = states.items.length;
      relay.cut();
      for (const value of [seq, seq + 1, seq + 2]) await publisher.publish('price', value);
      expect(await states.find(({ status }) => status === 'waiting', from)).toBeDefined();
      relay.mend();
      expect(numbers(await next(prices, 3))).toEqual([
        [seq, 0],
        [seq + 1, 0],
        [seq + 2, 0],
      ]);
      expect(client.state).toMatchObject({ status: 'ready', resumed: true });
    }
  });

  test('is told exactly how many the history no longer had', async () => {
    await using daemon = await startDaemon({ topics: { price: { publish: true, history: 2 } } });
    await using relay = await Relay.start(daemon.socket);
    await using client = connect({ socket: relay.socket, retry });
    await using publisher = daemon.connect();
    const prices = client.listen('price');
    await publisher.publish('price', 1);
    await next(prices, 1);
    relay.cut();
    for (let value = 2; value <= 6; value++) await publisher.publish('price', value);
    relay.mend();
    expect(numbers(await next(prices, 2))).toEqual([
      [5, 3],
      [6, 0],
    ]);
  });

  test('can account for every message of a topic that never stops, cut after cut', async () => {
    const tick = { interval: '10ms', data: 1, always: true, history: 3 };
    await using daemon = await startDaemon({ topics: { tick } });
    await using relay = await Relay.start(daemon.socket);
    await using client = connect({ socket: relay.socket, retry });
    const states = statesOf(client);
    const ticks = client.listen('tick');
    const heard: Message[] = [];
    for (let cuts = 0; cuts < 10; cuts++) {
      heard.push(...(await next(ticks, 4)));
      relay.cut();
      relay.mend();
      await states.take(cuts + 1, ({ status }) => status === 'waiting'); // It has noticed.
    }
    heard.push(...(await next(ticks, 4)));
    expect(states.items.filter(({ status }) => status === 'waiting').length).toBeGreaterThanOrEqual(10);
    expect(new Set(heard.map(({ instance }) => instance)).size).toBe(1);
    for (const [index, { seq, missed }] of heard.entries()) {
      if (index > 0) expect(seq - missed - 1, `what came before ${seq}`).toBe(heard[index - 1]!.seq);
      expect(missed).toBeGreaterThanOrEqual(0);
    }
  });
});
