import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** `up`: what clients send to the server. `down`: what it sends to them. */
export type Direction = 'up' | 'down';

export interface Target {
  host: string;
  port: number;
}

/** One connection of a client, and the one that was made for it. */
interface Link {
  client: Socket;
  server: Socket;
}

/**
 * Stands between clients and a server on TCP. It can cut their connections or freeze them: a frozen connection stays open and
 * nothing passes, as when a cable is pulled.
 */
export class TcpRelay implements AsyncDisposable {
  readonly #target: Target;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #frozen = new Set<Direction>();
  #open = true;
  #delayMs = 0;

  private constructor(target: Target) {
    this.#target = target;
    // A frozen peer that has closed its end must not be answered.
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async start(target: Target): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await once(relay.#server.listen(0, '127.0.0.1'), 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Closes all connections; new ones pass. @param how `reset` sends RST, `close` sends FIN. */
  cut(how: 'reset' | 'close' = 'reset'): void {
    for (const { client, server } of this.#links) {
      if (how === 'close') client.end();
      else client.resetAndDestroy();
      server.destroy();
    }
    this.#links.clear();
  }

  /** Cuts all connections, and refuses new ones until `mend`. */
  block(): void {
    this.#open = false;
    this.cut();
  }

  mend(): void {
    this.#open = true;
  }

  /** Nothing passes in these directions any more, on new connections neither; what arrives waits, without bound in time. */
  freeze(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : (['up', 'down'] as const))
      this.#frozen.add(direction);
    for (const link of this.#links) this.#apply(link);
  }

  /** What has waited passes. */
  thaw(): void {
    this.#frozen.clear();
    for (const link of this.#links) this.#apply(link);
  }

  /** Everything that arrives from now on passes that much later. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  #accept(client: Socket): void {
    if (!this.#open) {
      client.on('error', () => {}).resetAndDestroy();
      return;
    }
    const link: Link = { client, server: connect({ ...this.#target, allowHalfOpen: true }) };
    this.#links.add(link);
    this.#pass(link, client, link.server);
    this.#pass(link, link.server, client);
    this.#apply(link);
  }

  #pass(link: Link, from: Socket, to: Socket): void {
    const later = (act: () => void): void => {
      if (this.#delayMs === 0) act();
      else setTimeout(act, this.#delayMs);
    };
    from.setNoDelay(true);
    from.on('data', (bytes) =>
      later(() => {
        if (to.destroyed || to.write(bytes)) return;
        from.pause();
        to.once('drain', () => this.#apply(link));
      }),
    );
    from.on('end', () => later(() => to.end()));
    from.on('error', () => {});
    from.on('close', () => {
      // A frozen end that goes away takes the other one along only if that may hear of it.
      to.destroy();
      this.#links.delete(link);
    });
  }

  #apply({ client, server }: Link): void {
    if (this.#frozen.has('up')) client.pause();
    else client.resume();
    if (this.#frozen.has('down')) server.pause();
    else server.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.block();
    this.#server.close();
  }
}
