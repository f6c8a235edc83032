import { setTimeout as wait } from 'node:timers/promises';

import { NatsServer, ownAddress } from './nats-server.ts';
import type { NatsServerConfig, NatsServerOptions } from './nats-server.ts';

const ROUTE_PORT = 6222;
const MONITOR_PORT = 8222;
/** A cluster tells nobody that it has chosen a leader: it is asked. */
const ASK_MS = 50;

/** Real servers that form one cluster, with JetStream. */
export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  /** Starts a cluster and waits until it has chosen a leader for JetStream. */
  static async start({ config = {}, ...options }: NatsServerOptions = {}, count = 3): Promise<NatsCluster> {
    const hosts = Array.from({ length: count }, ownAddress);
    const routes = hosts.map((host) => `nats://${host}:${ROUTE_PORT}`);
    const configOf = (host: string): NatsServerConfig => ({
      server_name: nameOf(host),
      http: `${host}:${MONITOR_PORT}`,
      jetstream: {},
      cluster: { name: 'fleet', host, port: ROUTE_PORT, routes },
      ...config,
    });
    const servers = await Promise.all(
      hosts.map((host) => NatsServer.start({ ...options, config: configOf(host) }, host)),
    );
    const cluster = new NatsCluster(servers);
    await cluster.leader();
    return cluster;
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Waits until the members that run have a leader of JetStream, which takes some seconds after one was lost. */
  async leader(): Promise<NatsServer> {
    for (;;) {
      const leaders = await Promise.all(
        this.servers.map(async (server) => ((await isLeader(server)) ? [server] : [])),
      );
      const [leader] = leaders.flat();
      if (leader) return leader;
      await wait(ASK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Asks the server's own monitoring. */
async function isLeader({ host }: NatsServer): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host}:${MONITOR_PORT}/jsz`);
    const { meta_cluster: meta } = (await answer.json()) as { meta_cluster?: { leader?: string } };
    return meta?.leader !== undefined && meta.leader === nameOf(host);
  } catch {
    return false; // It does not run.
  }
}

function nameOf(host: string): string {
  return `server-${host}`;
}
