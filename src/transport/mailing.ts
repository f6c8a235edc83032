import type { SendAll } from '../linux/socket-calls.ts';

/** Somebody to whom bytes can be sent past Node's stream. */
export interface Recipient {
  /** The kernel has taken so many of the bytes; the rest is the recipient's to see to. */
  sent(bytes: Buffer, taken: number): void;
  /** Something of ours failed in that: it costs this recipient, and no other. */
  failed(error: unknown): void;
}

/** Bytes for many that leave together: past Node's streams, which cost more than the write itself. */
export class Mailing {
  readonly #sendAll: SendAll | undefined;
  #recipients: Recipient[] = [];
  #fds: number[] = [];
  #bytes: Buffer[] = [];

  /** @param sendAll Absent where the system does not have it: then recipients hear that nothing was taken. */
  constructor(sendAll: SendAll | undefined) {
    this.#sendAll = sendAll;
  }

  /** Adds bytes for somebody, once for each. The descriptor must stay open until `send`. */
  add(recipient: Recipient, fd: number, bytes: Buffer): void {
    this.#recipients.push(recipient);
    this.#fds.push(fd);
    this.#bytes.push(bytes);
  }

  /** Sends all that was added. */
  send(): void {
    if (this.#recipients.length === 0) return;
    const [recipients, fds, bytes] = [this.#recipients, this.#fds, this.#bytes];
    [this.#recipients, this.#fds, this.#bytes] = [[], [], []];
    const taken = this.#sendAll?.(fds, bytes);
    for (const [index, recipient] of recipients.entries()) {
      try {
        recipient.sent(bytes[index]!, taken?.[index] ?? 0);
      } catch (error) {
        recipient.failed(error);
      }
    }
  }
}
