import type { ShownConnection } from './connection-display.ts';
import { eventNames } from './gateway-events.ts';
import type { GatewayEvent, StateData } from './gateway-events.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export interface GatewayStreamListener {
  event: (event: GatewayEvent) => void;
  connection: (connection: ShownConnection) => void;
}

/** The stream of the gateway. It resumes after the last event, whether the browser reconnects or this must. */
export class GatewayStream {
  /** Id of the last event; empty before the first. */
  lastId: string;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = FIRST_WAIT_MS;
  readonly #listener: GatewayStreamListener;

  constructor(listener: GatewayStreamListener, lastId: string) {
    this.#listener = listener;
    this.lastId = lastId;
  }

  get isOpen(): boolean {
    return this.#source !== undefined || this.#timer !== undefined;
  }

  open(): void {
    this.close();
    const after = this.lastId === '' ? '' : `?after=${encodeURIComponent(this.lastId)}`;
    const source = new EventSource(`/listen${after}`);
    this.#source = source;
    for (const name of eventNames) {
      source.addEventListener(name, (event) => {
        this.#waitMs = FIRST_WAIT_MS;
        if (event.lastEventId !== '') this.lastId = event.lastEventId;
        const text = event.data as string;
        if (name === 'state') this.#listener.connection(connectionOf(JSON.parse(text) as StateData));
        else this.#listener.event({ name, id: this.lastId, text });
      });
    }
    source.addEventListener('error', () => {
      this.#listener.connection({ status: 'lost' });
      // Closed for good, as after an answer that is not 200. Otherwise the browser tries again by itself.
      if (source.readyState === EventSource.CLOSED) void this.#retry(source);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source?.close();
    this.#source = undefined;
  }

  /** Many pages lose a gateway at once: chance spreads their attempts. */
  async #retry(source: EventSource): Promise<void> {
    const isRefused = await isLoggedOut();
    if (this.#source !== source) return; // It was closed meanwhile.
    if (isRefused) this.#listener.connection({ status: 'refused' });
    this.close();
    this.#timer = setTimeout(() => this.open(), this.#waitMs * (0.5 + Math.random() / 2));
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }
}

function connectionOf({ status, reason }: StateData): ShownConnection {
  return status === 'ready' ? { status: 'live' } : { status: 'waiting', reason: reason ?? '' };
}

/** An EventSource does not tell why it was refused. */
async function isLoggedOut(): Promise<boolean> {
  try {
    const { status } = await fetch('/healthz');
    return status === 401;
  } catch {
    return false;
  }
}
