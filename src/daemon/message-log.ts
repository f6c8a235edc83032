import { ChimedError } from '../errors.ts';
import { MOST_LEVELS, isDeeperThan } from '../protocol/levels.ts';
import { decodeFrame, encodeMessage } from '../transport/frames.ts';

/** One message, as it is kept. */
export interface LoggedMessage {
  seq: number;
  time: number;
  frame: Buffer;
}

/** The numbering of a topic and its last messages, as `state.ts` saves them. */
export interface SavedMessages {
  seq: number;
  messages: { seq: number; time: number; data: unknown }[];
}

/** Numbers a topic's messages and keeps the last ones. */
export class MessageLog {
  readonly #topic: string;
  readonly #messages: LoggedMessage[] = [];
  #json: string | undefined;
  #size = 1;
  #maxBytes = 0;
  seq = 0;

  constructor(topic: string, size: number, maxBytes: number, saved?: SavedMessages) {
    this.#topic = topic;
    this.configure(size, maxBytes);
    if (!saved) return;
    for (const { seq, time, data } of saved.messages) {
      this.#json = JSON.stringify(data);
      this.#keep({ seq, time, frame: encodeMessage(topic, this.#json, seq, time) });
    }
    this.seq = saved.seq;
  }

  /** @param size How many messages are kept; the latest always is. @param maxBytes Largest payload, as JSON. */
  configure(size: number, maxBytes: number): void {
    this.#size = Math.max(size, 1);
    this.#maxBytes = maxBytes;
    this.#trim();
  }

  /** The latest message. */
  get last(): LoggedMessage | undefined {
    return this.#messages.at(-1);
  }

  /** The latest payload, as JSON. */
  get lastJson(): string | undefined {
    return this.#json;
  }

  /**
   * The JSON of a payload.
   * @throws {ChimedError} `source-failed` if JSON cannot carry it, `too-large` if it is larger than `maxBytes`, or
   * nests more levels than a frame that carries it may.
   */
  encode(payload: unknown): string {
    const json = JSON.stringify(payload) as string | undefined;
    if (json === undefined)
      throw new ChimedError('source-failed', 'the source gave nothing that JSON can carry');
    if (Buffer.byteLength(json) > this.#maxBytes) {
      throw new ChimedError('too-large', `the payload has more than ${this.#maxBytes} bytes (maxBytes)`);
    }
    if (isDeeperThan(MOST_LEVELS, json)) {
      throw new ChimedError('too-large', `the payload nests more than ${MOST_LEVELS} levels`);
    }
    return json;
  }

  /** Makes the next message of a payload that `encode` returned. */
  append(json: string): LoggedMessage {
    const seq = ++this.seq;
    const time = Date.now();
    const message = { seq, time, frame: encodeMessage(this.#topic, json, seq, time) };
    this.#json = json;
    this.#keep(message);
    return message;
  }

  /** The kept messages after number `seq`, oldest first. */
  after(seq: number): LoggedMessage[] {
    return this.#messages.filter((message) => message.seq > seq);
  }

  save(): SavedMessages {
    return {
      seq: this.seq,
      messages: this.#messages.map(({ seq, time, frame }) => ({ seq, time, data: decodeFrame(frame).data })),
    };
  }

  #keep(message: LoggedMessage): void {
    this.#messages.push(message);
    this.#trim();
  }

  #trim(): void {
    while (this.#messages.length > this.#size) this.#messages.shift();
  }
}
