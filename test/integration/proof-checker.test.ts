import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { BrokenRelay } from '../proof/broken-relay.ts';
import type { Fault } from '../proof/broken-relay.ts';
import { Fleet } from '../proof/fleet.ts';
import type { FleetOptions } from '../proof/fleet-process.ts';
import { reconcile } from '../proof/history.ts';

/** Publishes twenty messages, which two clients hear through a relay; returns what the checker says of it. */
async function verdict(kind: FleetOptions['kind'], fault: Fault): Promise<string[]> {
  await using daemon = await startDaemon({ topics: { t: { publish: true } } });
  const path = daemon.folder.file('relay');
  using _relay = await BrokenRelay.listen(path, daemon.socket, fault);
  await using fleet = await Fleet.start({ kind, socket: path, count: 2, topics: ['t'] });
  await using publisher = daemon.connect();
  for (let count = 1; count <= 20; count++) await publisher.publish('t', count);
  await fleet.heard('t', 20);
  const { clients } = await fleet.report();
  const violations = clients.flatMap((client) => client.violations);
  return [...violations, ...reconcile(clients, (await daemon.status()).clients)];
}

// A client of the library drops what comes twice or late by itself; a plain socket hears all of it.
test.concurrent.each(['socket', 'library'] as const)(
  'the checker is content with chimed itself: %s',
  async (kind) => {
    expect(await verdict(kind, 'none')).toEqual([]);
  },
);

test.concurrent('the checker finds messages in another order', async () => {
  const found = await verdict('socket', 'reorder');
  expect(found).toContainEqual('t #5 came after #6');
});

test.concurrent('the checker finds a message that came twice', async () => {
  expect(await verdict('socket', 'duplicate')).toContainEqual('t #5 came twice');
});

test.concurrent.each(['socket', 'library'] as const)(
  'the checker finds a loss that nobody counted: %s',
  async (kind) => {
    const found = await verdict(kind, 'drop');
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/^client \d+ missed 1, but the daemon skipped 0$/);
  },
);
