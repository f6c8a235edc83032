import type { Client } from '../client/api.ts';
import { connect } from '../client/client.ts';
import type { ConnectOptions } from '../client/options.ts';
import { ChimedError } from '../errors.ts';
import type { Asker } from './asker.ts';
import { Viewer } from './viewer.ts';

/** How often idle viewers are looked for, in milliseconds. */
const LOOK_MS = 10_000;
/** How many there can be: each has a connection to the daemon. */
const MOST = 256;

/** How the gateway connects to the daemon. */
export type Connect = (asker: Asker, options: Pick<ConnectOptions, 'name' | 'resume'>) => Client;

/** @param socket Path of the daemon's socket. @default the usual places */
export function connector(socket: string | undefined): Connect {
  return ({ onBehalfOf }, options) =>
    connect({
      ...(socket !== undefined && { socket }),
      ...(onBehalfOf && { onBehalfOf }),
      // A person waits: the daemon's return is noticed soon.
      retry: { minMs: 50, maxMs: 1000 },
      ...options,
    });
}

/** The viewers of all askers, each made when it is first needed. */
export class Viewers {
  readonly #viewers = new Map<string, Viewer>();
  readonly #connect: Connect;
  readonly #timer: NodeJS.Timeout;

  constructor(connectAs: Connect) {
    this.#connect = connectAs;
    this.#timer = setInterval(() => this.#closeIdle(), LOOK_MS).unref();
  }

  /** @throws {ChimedError} `too-many-clients` if there are too many others. */
  of(asker: Asker): Viewer {
    const known = this.#viewers.get(asker.key);
    if (known && !known.isClosed) return known;
    if (this.#viewers.size >= MOST) this.#closeIdle(0);
    if (this.#viewers.size >= MOST) {
      const message = `Too many users and groups ask at once: limit ${MOST}. Retry in a minute.`;
      throw new ChimedError('too-many-clients', message);
    }
    const viewer = new Viewer(this.#connect(asker, { name: 'chimed web' }));
    this.#viewers.set(asker.key, viewer);
    return viewer;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#viewers.values()].map((viewer) => viewer.close()));
  }

  #closeIdle(idleMs?: number): void {
    for (const [key, viewer] of this.#viewers) {
      if (!viewer.isClosed && !viewer.isIdle(idleMs)) continue;
      this.#viewers.delete(key);
      void viewer.close();
    }
  }
}
