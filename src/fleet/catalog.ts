import type { Client } from '../client/api.ts';
import type { EventLog } from '../log-events.ts';
import { messageOf } from '../errors.ts';
import { isOfFleet } from '../protocol/fleet-names.ts';

/** How often the daemon is asked whether its topics have changed, in milliseconds. */
const ASK_MS = 2000;

export interface CatalogListener {
  /** Other topics are exported now. */
  changed(topics: readonly string[]): void;
  /** Something about the topics of the daemon is not as it was: what it refused before may be allowed now. */
  revised(): void;
}

/** The topics of the local daemon that other machines can hear: kept up to date, and none of them is woken. */
export class Catalog {
  readonly #client: Client;
  readonly #patterns: () => readonly string[];
  readonly #listener: CatalogListener;
  readonly #logger: EventLog;
  #topics: ReadonlySet<string> = new Set();
  #revision: unknown;
  /** The patterns have changed since it looked. */
  #isOutdated = false;
  /** Until it looks again; undefined while it does. */
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    client: Client,
    patterns: () => readonly string[],
    listener: CatalogListener,
    logger: EventLog,
  ) {
    this.#client = client;
    this.#patterns = patterns;
    this.#listener = listener;
    this.#logger = logger;
    void this.#look();
  }

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** Looks now: the patterns have changed. */
  refresh(): void {
    this.#isOutdated = true;
    if (!this.#timer) return; // It is looking, and looks again.
    clearTimeout(this.#timer);
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    do {
      if (this.#isOutdated) this.#revision = undefined;
      this.#isOutdated = false;
      try {
        await this.#compare();
      } catch (error) {
        const fields = { event: 'fleet-topic-refused', error: messageOf(error) } as const;
        this.#logger.debug(fields, 'the topics cannot be listed');
      }
    } while (this.#isOutdated && !this.#isStopped);
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#look(), ASK_MS);
  }

  async #compare(): Promise<void> {
    const patterns = this.#patterns();
    const { instance, topicsRevision } = await this.#client.status({ topics: [] });
    const revision = topicsRevision === undefined ? undefined : `${instance} ${topicsRevision}`;
    if (revision !== undefined && revision === this.#revision) return;
    const names = patterns.length === 0 ? [] : await this.#list(patterns);
    const isFirst = this.#revision === undefined;
    this.#revision = revision;
    if (!isFirst) this.#listener.revised();
    if (names.length === this.#topics.size && names.every((name) => this.#topics.has(name))) return;
    this.#topics = new Set(names);
    this.#listener.changed(names);
  }

  async #list(patterns: readonly string[]): Promise<string[]> {
    const { topics } = await this.#client.status({ topics: patterns });
    return topics.map(({ topic }) => topic).filter((topic) => !isOfFleet(topic));
  }
}
