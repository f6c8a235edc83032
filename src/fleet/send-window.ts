import type { NatsConnection } from '@nats-io/transport-node';

/** So many bytes may be on their way without the server having confirmed that it read them. */
const MOST_UNCONFIRMED = 4 * 1024 * 1024;
/** After so many bytes it is asked to. */
const CONFIRM_BYTES = 256 * 1024;

/** How much one connection has sent that its server has not confirmed: nats.js would keep without bound what it cannot send. */
export class SendWindow {
  readonly #connection: NatsConnection;
  readonly #onRoom: () => void;
  #unconfirmed = 0;
  #isConfirming = false;
  #lacksRoom = false;

  /** @param onRoom Called when there is room again, after there was none. Not called once the connection is gone. */
  constructor(connection: NatsConnection, onRoom: () => void) {
    this.#connection = connection;
    this.#onRoom = onRoom;
  }

  /** Reports whether something may be sent. If not, `onRoom` follows. */
  get hasRoom(): boolean {
    this.#lacksRoom ||= this.#unconfirmed > MOST_UNCONFIRMED;
    return !this.#lacksRoom;
  }

  sent(bytes: number): void {
    this.#unconfirmed += bytes;
    if (this.#unconfirmed > CONFIRM_BYTES && !this.#isConfirming) void this.#confirm();
  }

  async #confirm(): Promise<void> {
    this.#isConfirming = true;
    const bytes = this.#unconfirmed;
    try {
      await this.#connection.flush(); // It may never answer, if the connection is dead.
    } catch {
      return;
    }
    this.#isConfirming = false;
    this.#unconfirmed -= bytes;
    if (!this.#lacksRoom) return;
    this.#lacksRoom = false;
    this.#onRoom();
  }
}
