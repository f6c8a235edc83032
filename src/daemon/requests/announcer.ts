import type { Session } from '../session.ts';

/** How often one client is told at most, in milliseconds: topics can come and go thousands of times a second. */
const CLIENT_MS = 1000;
/** How long it works at a time, and how long it rests then, in milliseconds. */
const WORK_MS = 2;
const REST_MS = 50;

/** Tells clients again what they hear, soon after topics of namespaces have come or gone: late rather than often. */
export class Announcer {
  readonly #tell: (client: Session) => void;
  readonly #waiting = new Set<Session>();
  /** When each was told last. */
  readonly #toldAt = new WeakMap<Session, number>();
  #isWorking = false;

  constructor(tell: (client: Session) => void) {
    this.#tell = tell;
  }

  /** Has a client told. */
  announce(client: Session): void {
    this.#waiting.add(client);
    if (!this.#isWorking) this.#workIn(0);
  }

  #work(): void {
    const now = performance.now();
    for (const client of this.#waiting) {
      const isGone = client.connection.ended;
      if (!isGone && (client.full || now - (this.#toldAt.get(client) ?? -Infinity) < CLIENT_MS)) continue;
      this.#waiting.delete(client);
      if (isGone) continue;
      this.#toldAt.set(client, now);
      this.#tell(client);
      if (performance.now() - now > WORK_MS) break;
    }
    this.#isWorking = false;
    if (this.#waiting.size > 0) this.#workIn(REST_MS);
  }

  #workIn(milliseconds: number): void {
    this.#isWorking = true;
    setTimeout(() => this.#work(), milliseconds).unref();
  }
}
