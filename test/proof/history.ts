/** What a client says of one message that it heard. */
export interface Heard {
  instance: string;
  topic: string;
  seq: number;
  /** How many it was told, or can see, that it missed just before this one. */
  missed: number;
}

/** More violations than anybody reads. */
const KEPT = 10;

/**
 * The history checker: takes what one client heard, as it heard it, and accepts only what chimed promises: each
 * message of a topic in order, never twice, and every gap told to the last unit. A new instance begins anew; one
 * that is over does not come back.
 */
export class History {
  readonly #topics = new Map<string, { instance: string; seq: number; over: Set<string> }>();
  readonly violations: string[] = [];
  messages = 0;
  missed = 0;

  hear({ instance, topic, seq, missed }: Heard): void {
    this.messages++;
    this.missed += missed;
    const last = this.#topics.get(topic);
    if (last === undefined) {
      this.#topics.set(topic, { instance, seq, over: new Set() });
      return;
    }
    if (last.instance === instance) {
      const expected = last.seq + 1 + missed;
      if (seq === last.seq) this.#violation(`${topic} #${seq} came twice`);
      else if (seq < last.seq) this.#violation(`${topic} #${seq} came after #${last.seq}`);
      else if (seq !== expected)
        this.#violation(
          `${topic} #${seq} came after #${last.seq} with ${missed} missed: #${expected} was due`,
        );
    } else {
      last.over.add(last.instance);
      if (last.over.has(instance)) this.#violation(`${topic}: instance ${instance} came back`);
      last.instance = instance;
    }
    last.seq = seq;
  }

  #violation(text: string): void {
    if (this.violations.length < KEPT) this.violations.push(text);
  }
}

/**
 * Sums that must agree: what a client says that it missed, and what the daemon says that it skipped on all of the
 * client's connections, or no longer had in its history when the client came back.
 */
export function reconcile(
  clients: readonly { connections: readonly number[]; missed: number }[],
  daemon: readonly { id: number; skipped: number }[],
): string[] {
  const skipped = new Map(daemon.map(({ id, skipped: count }) => [id, count]));
  return clients.flatMap(({ connections, missed }) => {
    const count = connections.reduce((sum, id) => sum + (skipped.get(id) ?? Number.NaN), 0);
    if (count === missed) return [];
    const which = `client ${connections.join(', ')}`;
    return [
      `${which} missed ${missed}, but the daemon skipped ${Number.isNaN(count) ? 'nothing: it does not know it' : count}`,
    ];
  });
}
