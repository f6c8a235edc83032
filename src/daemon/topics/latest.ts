import { encodeMessage } from '../../transport/frames.ts';
import type { MessageHead } from '../../transport/frames.ts';
import type { LoggedMessage, MessageLog } from './message-log.ts';

/** The latest message of a topic, as whoever joins gets it: marked as stale while the source fails. */
export class Latest {
  readonly #topic: string;
  readonly #log: MessageLog;
  readonly #isFailing: () => boolean;
  /** Made once, for all who join. */
  #stale: LoggedMessage | undefined;

  constructor(topic: string, log: MessageLog, isFailing: () => boolean) {
    this.#topic = topic;
    this.#log = log;
    this.#isFailing = isFailing;
  }

  /** It has changed, or the source fails no more. */
  forget(): void {
    this.#stale = undefined;
  }

  get message(): LoggedMessage | undefined {
    const { last, lastJson = '' } = this.#log;
    if (!last || !this.#isFailing()) return last;
    if (this.#stale?.seq !== last.seq) {
      const frame = encodeMessage(this.#topic, lastJson, { ...last, stale: true });
      this.#stale = { ...last, frame };
    }
    return this.#stale;
  }

  /** The same, with its payload as JSON. */
  get parts(): (MessageHead & { json: string }) | undefined {
    const { last, lastJson: json } = this.#log;
    if (!last || json === undefined) return undefined;
    const { frame: _, ...head } = last;
    return { ...head, ...(this.#isFailing() && { stale: true }), json };
  }
}
