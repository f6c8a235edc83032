/* The ground on which the bridge is tried, with plain clients of NATS: each fault is shown to be there. */
import { connect } from '@nats-io/transport-node';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';

import { Inbox } from '../helpers/inbox.ts';
import { NatsCluster } from './nats-cluster.ts';
import { NatsServer } from './nats-server.ts';
import { newerNats } from './newer-nats.ts';
import { TcpRelay } from './tcp-relay.ts';

const newer = newerNats();
const servers = [
  { which: 'the installed nats-server', executable: 'nats-server' },
  ...(newer === undefined ? [] : [{ which: 'a newer nats-server', executable: newer }]),
];

/** A client with an inbox of what happens to its connection, and one of what it hears on `t`. */
class Plain implements AsyncDisposable {
  readonly connection: NatsConnection;
  readonly events = new Inbox<string>();
  readonly heard = new Inbox<string>();

  private constructor(connection: NatsConnection) {
    this.connection = connection;
    connection.subscribe('t', { callback: (_, message) => this.heard.push(message.string()) });
    void this.#follow();
  }

  static async connect(options: ConnectionOptions): Promise<Plain> {
    const plain = new Plain(await connect({ maxReconnectAttempts: -1, reconnectTimeWait: 20, ...options }));
    await plain.connection.flush();
    return plain;
  }

  event(name: string): Promise<string> {
    return this.events.find((event) => event === name);
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.connection.status()) this.events.push(type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }
}

test.concurrent.each(servers)(
  '$which keeps its address and its store when it is killed and restarted',
  async ({ executable }) => {
    await using server = await NatsServer.start({ executable, config: { jetstream: {} } });
    await using plain = await Plain.connect({ servers: server.url });
    const manager = await jetstreamManager(plain.connection);
    await manager.streams.add({ name: 'S', subjects: ['s.>'] });
    await manager.jetstream().publish('s.a', 'kept');
    await server.stop('SIGKILL');
    await plain.event('disconnect');
    await server.restart();
    await plain.event('reconnect');
    const { state } = await manager.streams.info('S');
    expect(state.messages).toBe(1);
  },
);

test.concurrent.each(servers)(
  '$which as a lame duck sends its clients to another server',
  async ({ executable }) => {
    const config = { lame_duck_duration: '30s', lame_duck_grace_period: '1s' };
    await using cluster = await NatsCluster.start({ executable, config });
    await using plain = await Plain.connect({ servers: cluster.urls });
    const left = plain.connection.getServer();
    const duck = cluster.servers.find(({ host }) => left.startsWith(`${host}:`))!;
    await duck.lameDuck();
    await plain.event('ldm');
    await plain.event('reconnect');
    expect(plain.connection.getServer()).not.toBe(left);
  },
);

test.concurrent('a cluster chooses another leader when the leader is killed', async () => {
  await using cluster = await NatsCluster.start();
  const leader = await cluster.leader();
  await leader.stop('SIGKILL');
  expect(await cluster.leader()).not.toBe(leader);
});

test.concurrent('a server with another configuration refuses the password that it accepted', async () => {
  const accepting = (password: string) => ({ authorization: { users: [{ user: 'web1', password }] } });
  await using server = await NatsServer.start({ config: accepting('old') });
  await using plain = await Plain.connect({ servers: server.url, user: 'web1', pass: 'old' });
  await server.reload(accepting('new'));
  await plain.event('disconnect');
  await expect(connect({ servers: server.url, user: 'web1', pass: 'old' })).rejects.toThrow('Authorization');
});

test.concurrent('a cut of the relay breaks connections, which are made again', async () => {
  await using server = await NatsServer.start();
  await using relay = await TcpRelay.start(server);
  await using plain = await Plain.connect({ servers: relay.url });
  relay.cut('reset');
  await plain.events.take(1, (event) => event === 'reconnect');
  relay.cut('close');
  await plain.events.take(2, (event) => event === 'reconnect');
});

test.concurrent('a blocked relay refuses connections until it is mended', async () => {
  await using server = await NatsServer.start();
  await using relay = await TcpRelay.start(server);
  await using plain = await Plain.connect({ servers: relay.url });
  relay.block();
  await plain.event('disconnect');
  await plain.events.take(3, (event) => event === 'reconnecting');
  expect(plain.events.items).not.toContain('reconnect');
  relay.mend();
  await plain.event('reconnect');
});

test.concurrent.each([
  { way: 'upwards', directions: ['up'] },
  { way: 'downwards', directions: ['down'] },
  { way: 'both ways', directions: ['up', 'down'] },
] as const)('a relay frozen $way lets nothing pass, and all of it once thawed', async ({ directions }) => {
  await using server = await NatsServer.start();
  await using relay = await TcpRelay.start(server);
  await using plain = await Plain.connect({ servers: relay.url });
  await using witness = await Plain.connect({ servers: server.url });
  relay.freeze(...directions);
  plain.connection.publish('t', 'from behind the relay');
  witness.connection.publish('t', 'from the other side');
  await witness.heard.find((text) => text === 'from the other side');
  const echo = plain.connection.flush();
  if (!(directions as readonly string[]).includes('up'))
    await witness.heard.find((text) => text === 'from behind the relay');
  await witness.connection.flush();
  expect(plain.heard.items).toEqual([]);
  relay.thaw();
  await echo;
  await plain.heard.take(2);
  await witness.heard.take(2);
  expect(plain.events.items).not.toContain('disconnect');
});

test.concurrent('a relay that delays makes an answer late by as much, both ways', async () => {
  await using server = await NatsServer.start();
  await using relay = await TcpRelay.start(server);
  await using plain = await Plain.connect({ servers: relay.url });
  relay.delay(100);
  expect(await plain.connection.rtt()).toBeGreaterThanOrEqual(199);
});

test.concurrent('a frozen link is half-open: only a missing answer shows it', async () => {
  await using server = await NatsServer.start();
  await using relay = await TcpRelay.start(server);
  await using plain = await Plain.connect({ servers: relay.url, pingInterval: 50, maxPingOut: 2 });
  relay.freeze();
  await plain.event('staleConnection');
  relay.thaw();
  await plain.event('reconnect');
});
