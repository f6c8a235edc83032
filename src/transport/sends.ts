import type { sendAll } from '../linux/send-all.ts';

/** Whoever sends on a socket. */
export interface Sending {
  /** The socket's descriptor; -1 once it is closed, or may be at any moment. */
  readonly openDescriptor: number;
  /** The kernel has taken so many of the bytes. */
  taken(bytes: Buffer, count: number): void;
  /** A mistake of ours has cost it. */
  failed(error: unknown): void;
}

/** Gathers what is to be sent, for many sockets, and gives all of it to the kernel at once. */
export class Sends {
  readonly #sendAll: typeof sendAll | undefined;
  #who: Sending[] = [];
  #bytes: Buffer[] = [];

  /** @param send Without it the kernel is said to take nothing, and everything goes through Node's streams. */
  constructor(send: typeof sendAll | undefined) {
    this.#sendAll = send;
  }

  add(who: Sending, bytes: Buffer): void {
    this.#who.push(who);
    this.#bytes.push(bytes);
  }

  flush(): void {
    const [who, bytes] = [this.#who, this.#bytes];
    if (who.length === 0) return;
    this.#who = [];
    this.#bytes = [];
    const fds = who.map(({ openDescriptor }) => openDescriptor);
    const taken = this.#sendAll?.(fds, bytes);
    for (const [index, one] of who.entries()) {
      try {
        one.taken(bytes[index]!, taken?.[index] ?? 0);
      } catch (error) {
        one.failed(error);
      }
    }
  }
}
