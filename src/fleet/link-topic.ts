import type { Client } from '../client/api.ts';
import type { Provided } from '../client/provided.ts';
import { FLEET_LINK } from '../protocol/fleet-link.ts';
import type { FleetLink } from '../protocol/fleet-link.ts';

/** How often it is sent, and how soon after a change, in milliseconds. */
const EVERY_MS = 5000;
const SOON_MS = 100;

/** The state of the link, as a topic: sent at each change, and every few seconds. */
export class LinkTopic {
  readonly #state: () => FleetLink;
  readonly #provided: Provided;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Client, state: () => FleetLink) {
    this.#state = state;
    this.#provided = client.provide(FLEET_LINK, { wanted: () => this.#send(), unwanted: () => this.#rest() });
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

  #send(): void {
    this.#rest();
    this.#provided.send(this.#state());
    this.#timer = setTimeout(() => this.#send(), EVERY_MS);
  }

  #rest(): void {
    clearTimeout(this.#timer);
  }
}
