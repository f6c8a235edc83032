import { setInterval as every } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

/** Messages each second, about as long as those of the bridge. */
const PER_SECOND = 20;
const SUBJECT = 'bare.nats';
const FILLER = 'x'.repeat(100);

/**
 * A bare publisher and a bare subscriber of nats.js on the server of a trial, while it runs: what the way through NATS alone
 * takes.
 */
export class BareNats implements AsyncDisposable {
  readonly #publisher: NatsConnection;
  readonly #subscriber: NatsConnection;
  readonly #stop = new AbortController();
  /** How long messages took, in milliseconds. */
  readonly lateness: number[] = [];

  private constructor(publisher: NatsConnection, subscriber: NatsConnection) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    subscriber.subscribe(SUBJECT, {
      callback: (_, message) => {
        const { sent } = message.json<{ sent: number }>();
        this.lateness.push(performance.now() - sent);
      },
    });
  }

  static async start(servers: string): Promise<BareNats> {
    const bare = new BareNats(await connect({ servers }), await connect({ servers }));
    await bare.#subscriber.flush();
    void bare.#publish();
    return bare;
  }

  async #publish(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const _ of every(1000 / PER_SECOND, undefined, { signal }))
        this.#publisher.publish(SUBJECT, JSON.stringify({ sent: performance.now(), filler: FILLER }));
    } catch {
      // Stopped.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#publisher.close(), this.#subscriber.close()]);
  }
}
