import type { Wanted } from '../../protocol/messages.ts';
import type { Provider } from '../subscribers/provider.ts';
import { unwantedFrame, wantedFrame } from './source-notices.ts';

/** The client that is the source of a topic, and what it was told of the demand. */
export class Provision {
  readonly #topic: string;
  #provider: Provider | undefined;
  /** What the provider was told last. Undefined: nothing yet, and it is not to be told. */
  #toldWanted: boolean | undefined;

  constructor(topic: string) {
    this.#topic = topic;
  }

  get provider(): Provider | undefined {
    return this.#provider;
  }

  /** A client is the source from now on. It is told nothing before `announce`. */
  take(provider: Provider): void {
    this.release();
    this.#provider = provider;
    provider.provided.add(this.#topic);
  }

  /** No client is the source any more. */
  release(): void {
    this.#provider?.provided.delete(this.#topic);
    this.#provider = this.#toldWanted = undefined;
  }

  /** Has a new provider told whether somebody listens, and from then on whenever that changes. */
  announce(provider: Provider, isWanted: boolean, last: () => Omit<Wanted, 'topic'>): void {
    if (provider !== this.#provider || this.#toldWanted !== undefined) return;
    this.#toldWanted = false;
    this.tell(isWanted, last);
  }

  /** @param last Where the topic's numbering stands. */
  tell(isWanted: boolean, last: () => Omit<Wanted, 'topic'>): void {
    if (this.#toldWanted === undefined || this.#toldWanted === isWanted) return;
    this.#toldWanted = isWanted;
    const topic = this.#topic;
    this.#provider?.demand(topic, isWanted ? wantedFrame({ topic, ...last() }) : unwantedFrame(topic));
  }
}
