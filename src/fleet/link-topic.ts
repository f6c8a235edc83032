import type { Client } from '../client/api.ts';
import type { Provided } from '../client/provided.ts';
import { messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import { FLEET_LINK } from '../protocol/fleet-link.ts';
import type { FleetLink } from '../protocol/fleet-link.ts';

/** How often it is sent, and how soon after a change, in milliseconds. */
const EVERY_MS = 5000;
const SOON_MS = 250;

/** The state of the link, as a topic: sent at each change, and every few seconds. */
export class LinkTopic {
  readonly #state: () => FleetLink;
  readonly #client: Client;
  readonly #logger: EventLog;
  #provided: Provided;
  /** The daemon has refused it: it may not have read yet that there is a bridge. */
  #isRefused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, state: () => FleetLink, logger: EventLog) {
    this.#state = state;
    this.#client = client;
    this.#logger = logger;
    this.#provided = this.#provide();
  }

  /** Other topics are configured now. */
  retry(): void {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    this.#provided = this.#provide();
  }

  /** Something has changed. */
  changed(): void {
    if (!this.#provided.wanted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), SOON_MS);
  }

  async stop(): Promise<void> {
    this.#rest();
    await this.#provided.end();
  }

  #provide(): Provided {
    const provided = this.#client.provide(FLEET_LINK, {
      wanted: () => this.#send(),
      unwanted: () => this.#rest(),
    });
    void this.#awaitEnd(provided);
    return provided;
  }

  async #awaitEnd({ ended }: Provided): Promise<void> {
    const error = await ended;
    if (!error) return;
    this.#isRefused = true;
    this.#logger.warn({ event: 'fleet-topic-refused', topic: FLEET_LINK, code: error.code }, error.message);
  }

  #send(): void {
    this.#rest();
    try {
      this.#provided.send(this.#state());
    } catch (error) {
      this.#provided.fail(messageOf(error)); // It is larger than the daemon takes (clients.frameBytes).
    }
    this.#timer = setTimeout(() => this.#send(), EVERY_MS);
  }

  #rest(): void {
    clearTimeout(this.#timer);
  }
}
