import type { Position } from '../client/message-queue.ts';
import type { EventLog } from '../log-events.ts';
import type { Failing, Recovered } from '../protocol/messages.ts';
import type { LeaseChange } from './leases.ts';
import type { LocalListener, LocalTopics } from './local-topics.ts';
import type { NatsLink } from './nats-link.ts';
import type { Stream } from './stream.ts';
import { StreamOutlet } from './stream-outlet.ts';
import type { Subjects } from './subjects.ts';
import type { NumberedMessage } from './topic-frame.ts';

/** A topic that other machines want. */
interface Export {
  readonly wantedBy: Set<string>;
  /** The latest message, as it travels, and why the topic fails, if it does. */
  message?: string;
  failing?: string;
  /** Number of the latest message. */
  last?: Position;
  /** They have yet to be sent. */
  isMessageUnsent: boolean;
  isFailingUnsent: boolean;
}

/**
 * Sends the messages of local topics to the machines that want them, with the numbers that they have. Of what cannot be sent
 * the newest message of each topic is kept, and follows; the rest is counted, and shows as a gap in the numbers.
 */
export class Exporter implements LocalListener {
  readonly #own: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #isExported: (topic: string) => boolean;
  readonly #logger: EventLog;
  readonly #wanted = new Map<string, Set<string>>();
  readonly #exports = new Map<string, Export>();
  readonly #stream: StreamOutlet | undefined;
  #local: LocalTopics | undefined;
  #published = 0;
  /** Messages that were not sent: there was no link, the server was slow, or they were too large for it. */
  skipped = 0;

  /** @param isExported Reports whether other machines can hear a topic. */
  constructor(
    own: string,
    link: NatsLink,
    subjects: Subjects,
    isExported: (topic: string) => boolean,
    stream: Stream | undefined,
    logger: EventLog,
  ) {
    this.#own = own;
    this.#link = link;
    this.#subjects = subjects;
    this.#isExported = isExported;
    this.#logger = logger;
    this.#stream =
      stream && new StreamOutlet(own, stream, (topic, after) => this.#readAgain(topic, after), logger);
  }

  /** Where its topics are heard. */
  set local(local: LocalTopics) {
    this.#local = local;
  }

  get published(): number {
    return this.#published + (this.#stream?.published ?? 0);
  }

  /** Topics that are heard for others now. */
  get size(): number {
    return this.#exports.size;
  }

  /** A machine has begun, and ceased, to want topics. */
  changed(machine: string, { begun, ceased, isExpired }: LeaseChange): void {
    for (const topic of ceased) this.#cease(machine, topic, !isExpired);
    for (const topic of begun) this.#begin(machine, topic);
  }

  /** Other topics are exported now: what is wanted may be there, or gone. */
  catalogChanged(): void {
    this.#stream?.forgetUnless(this.#isExported);
    for (const [topic, machines] of this.#wanted) {
      if (!this.#isExported(topic)) this.#end(topic, true);
      else for (const machine of machines) this.#serve(machine, topic);
    }
  }

  /** Sends what could not be sent before. */
  resume(): void {
    this.#stream?.resume();
    for (const [topic, item] of this.#exports) this.#flush(topic, item);
  }

  stop(): void {
    this.#stream?.stop();
  }

  message(topic: string, message: NumberedMessage): void {
    const item = this.#exports.get(topic);
    if (!item) return;
    this.#countSkipped(item, message);
    item.message = JSON.stringify({ type: topic, ...message });
    if (!message.stale) delete item.failing;
    item.isMessageUnsent = this.#stream === undefined;
    if (!this.#stream) this.#flush(topic, item);
    else if (this.#isTooLarge(item.message)) this.#refuse(topic, item, item.message);
    else this.#stream.send(topic, this.#subjects.topic(this.#own, topic), item.message, message);
  }

  /** Those that another one replaces before they were sent, and those that the daemon's history has no more. */
  #countSkipped(item: Export, { instance, seq }: NumberedMessage): void {
    const { last } = item;
    item.last = { instance, seq };
    if (item.isMessageUnsent) this.skipped++;
    if (last?.instance === instance) this.skipped += seq - last.seq - 1;
  }

  #readAgain(topic: string, after: Position | undefined): void {
    const item = this.#exports.get(topic);
    if (!item) return;
    if (after) item.last = after;
    this.#local?.leave(topic);
    this.#local?.hear(topic, after);
  }

  failing(failing: Failing): void {
    this.#notice(failing.topic, { type: 'chimed.failing', data: failing }, true);
  }

  recovered(recovered: Recovered): void {
    this.#notice(recovered.topic, { type: 'chimed.recovered', data: recovered }, false);
  }

  #isTooLarge(payload: string): boolean {
    return Buffer.byteLength(payload) > this.#link.maxPayload;
  }

  #refuse(topic: string, item: Export, payload: string): void {
    this.skipped++;
    const error = `the message has ${Buffer.byteLength(payload)} bytes, but the NATS server takes at most ${this.#link.maxPayload} (max_payload)`;
    this.#logger.warn(
      { event: 'fleet-message-too-large', topic, error },
      'message too large for the NATS server',
    );
    delete item.message;
    item.isMessageUnsent = false;
    this.failing({ topic, error, since: Date.now(), failures: 1 });
  }

  #notice(topic: string, frame: object, isFailing: boolean): void {
    const item = this.#exports.get(topic);
    if (!item) return;
    const payload = JSON.stringify(frame);
    if (isFailing) item.failing = payload;
    else delete item.failing;
    item.isFailingUnsent = isFailing;
    if (isFailing) this.#flush(topic, item);
    else this.#link.publish(this.#subjects.topic(this.#own, topic), payload);
  }

  #flush(topic: string, item: Export): void {
    const subject = this.#subjects.topic(this.#own, topic);
    // Another server may take less.
    if (item.isMessageUnsent && item.message !== undefined && this.#isTooLarge(item.message))
      this.#refuse(topic, item, item.message);
    if (item.isMessageUnsent && item.message !== undefined && this.#link.publish(subject, item.message)) {
      item.isMessageUnsent = false;
      this.#published++;
    }
    if (item.isFailingUnsent && item.failing !== undefined && this.#link.publish(subject, item.failing))
      item.isFailingUnsent = false;
  }

  #begin(machine: string, topic: string): void {
    const machines = this.#wanted.get(topic) ?? new Set();
    this.#wanted.set(topic, machines.add(machine));
    if (this.#isExported(topic)) this.#serve(machine, topic);
  }

  #serve(machine: string, topic: string): void {
    const item = this.#exports.get(topic);
    if (item?.wantedBy.has(machine)) return;
    if (!item) {
      this.#exports.set(topic, {
        wantedBy: new Set([machine]),
        isMessageUnsent: false,
        isFailingUnsent: false,
      });
      this.#local?.hear(topic, this.#stream?.after(topic));
      return;
    }
    item.wantedBy.add(machine);
    // The others have it already.
    const subject = this.#subjects.talk(this.#own, 'last', machine, topic);
    for (const payload of [item.message, item.failing])
      if (payload !== undefined) this.#link.publish(subject, payload);
  }

  #cease(machine: string, topic: string, isForgotten: boolean): void {
    const machines = this.#wanted.get(topic);
    machines?.delete(machine);
    this.#exports.get(topic)?.wantedBy.delete(machine);
    if (machines?.size !== 0) return;
    this.#wanted.delete(topic);
    this.#end(topic, isForgotten);
  }

  #end(topic: string, isForgotten: boolean): void {
    const item = this.#exports.get(topic);
    if (!item) return;
    if (item.isMessageUnsent) this.skipped++;
    this.#exports.delete(topic);
    this.#stream?.end(topic, isForgotten);
    this.#local?.leave(topic);
  }
}
