import type { Client, Message } from '../client/api.ts';
import { ChimedError } from '../errors.ts';
import type { Status } from '../protocol/status-snapshot.ts';

/** How old a snapshot may be, in milliseconds: whoever asks more often gets the same again, and costs the daemon nothing. */
const SNAPSHOT_MS = 1000;
/** A viewer that nobody needs for so long is closed, in milliseconds. */
const IDLE_MS = 30_000;
/** How long after a request for metrics their topics are kept awake, in milliseconds. */
const METRICS_MS = 300_000;
/** How long the first request for metrics waits for their topics, in milliseconds. */
const FIRST_VALUES_MS = 1000;
/** Topics whose values are metrics, at most: as many as one client can register for by default. */
const MOST_METRICS = 256;

/** A snapshot, and what was made of it. */
export interface SnapshotView {
  status: Status;
  /** Made once, however many ask for it. */
  rendered: Map<string, Buffer>;
}

/** What one asker sees of the daemon, by one connection. */
export class Viewer {
  readonly #client: Client;
  #view: { view: Promise<SnapshotView>; at: number } | undefined;
  #usedAt = performance.now();
  #inUse = 0;
  #metrics: { usedAt: number; topics: string[]; values: Map<string, Message>; stop: () => void } | undefined;

  constructor(client: Client) {
    this.#client = client;
    client.setMaxListeners(0); // One for each request that waits.
  }

  get isClosed(): boolean {
    return this.#client.state.status === 'closed';
  }

  /** Reports whether nobody has needed it lately. It lets go of metrics that nobody asks for. */
  isIdle(idleMs: number = IDLE_MS): boolean {
    if (this.#metrics && performance.now() - this.#metrics.usedAt > METRICS_MS) this.#stopMetrics();
    return this.#inUse === 0 && !this.#metrics && performance.now() - this.#usedAt >= idleMs;
  }

  /** Asks the daemon something. @throws {ChimedError} at once if there is no daemon, else as the question. */
  async ask<Answer>(question: (client: Client) => Promise<Answer>): Promise<Answer> {
    this.#inUse++;
    try {
      await this.#ready();
      return await question(this.#client);
    } finally {
      this.#inUse--;
      this.#usedAt = performance.now();
    }
  }

  /** The daemon's snapshot, at most a second old. */
  async view(): Promise<SnapshotView> {
    const now = performance.now();
    if (!this.#view || now - this.#view.at > SNAPSHOT_MS) {
      const view = this.ask((client) => client.status({ allClients: true })).then((status) => ({
        status,
        rendered: new Map<string, Buffer>(),
      }));
      const made = { view, at: now };
      this.#view = made;
      // A failure is not kept: the daemon may be there again.
      view.catch(() => this.#view === made && (this.#view = undefined));
    }
    return this.#view.view;
  }

  /**
   * The last messages of the topics with `metrics: true`. The topics stay awake until nobody has asked for five minutes.
   * @returns also how many topics are left out.
   */
  async metrics(status: Status): Promise<{ values: ReadonlyMap<string, Message>; leftOut: number }> {
    const all = status.topics.filter(({ metrics }) => metrics).map(({ topic }) => topic);
    const topics = all.slice(0, MOST_METRICS);
    if (this.#metrics?.topics.join(' ') !== topics.join(' ')) {
      this.#stopMetrics();
      if (topics.length > 0) await this.#startMetrics(topics);
    }
    if (this.#metrics) this.#metrics.usedAt = performance.now();
    return { values: this.#metrics?.values ?? new Map(), leftOut: all.length - topics.length };
  }

  async close(): Promise<void> {
    this.#stopMetrics();
    await this.#client.close();
  }

  async #ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      const { state } = this.#client;
      if (state.status === 'ready') resolve();
      else if (state.status === 'waiting') reject(state.error);
      else if (state.status === 'closed')
        reject(state.error ?? new ChimedError('closed', 'the gateway is stopping'));
    };
    this.#client.on('state', look);
    look();
    try {
      await promise;
    } finally {
      this.#client.off('state', look);
    }
  }

  /** Resolves when each topic has sent something, or a second has passed. */
  async #startMetrics(topics: string[]): Promise<void> {
    const values = new Map<string, Message>();
    const subscription = this.#client.listen(topics);
    this.#metrics = {
      usedAt: performance.now(),
      topics,
      values,
      stop: () => void subscription.return(),
    };
    const first = Promise.withResolvers<void>();
    const timer = setTimeout(first.resolve, FIRST_VALUES_MS);
    const collect = async (): Promise<void> => {
      for await (const message of subscription) {
        values.set(message.topic, message);
        if (values.size === topics.length) first.resolve();
      }
    };
    // A topic that a reload takes away ends it: the next request begins again.
    collect()
      .catch(() => {})
      .finally(() => {
        first.resolve();
        if (this.#metrics?.values === values) this.#metrics = undefined;
      });
    await first.promise;
    clearTimeout(timer);
  }

  #stopMetrics(): void {
    this.#metrics?.stop();
    this.#metrics = undefined;
  }
}
