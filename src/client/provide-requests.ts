import { ChimedError, isErrorCode } from '../errors.ts';
import type { ProvidedAnswer, Rejection, RequestId } from '../protocol/messages.ts';
import type { Link } from './link.ts';
import type { Requests } from './pending-requests.ts';
import type { ProvidedTopic } from './provided-topic.ts';
import { listsOf } from './topic-lists.ts';

/** How long after a connection the daemon may believe that the former connection still provides a topic, in milliseconds. */
const SUCCESSION_MS = 10_000;
const SUCCESSION_RETRY_MS = 500;

/** One request that has no answer yet. */
interface Asked {
  topics: readonly ProvidedTopic[];
  /** Those that were not refused. */
  accepted: Set<ProvidedTopic>;
  /** Refusals come in order: so many of the topics cannot be refused any more. */
  decided: number;
}

/**
 * What the daemon must be told of the topics that a client provides. It is kept per topic and sent once a turn of the event
 * loop, while the daemon reads: nothing piles up behind a daemon that stands still.
 */
export class ProvideRequests {
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #onRefused: (topic: ProvidedTopic, error: ChimedError) => void;
  readonly #toProvide = new Set<ProvidedTopic>();
  readonly #asked = new Map<RequestId, Asked>();
  readonly #toFail = new Set<ProvidedTopic>();
  readonly #toLeave = new Map<string, PromiseWithResolvers<void>>();
  /** Those that the former connection still has. */
  readonly #succeeding = new Set<ProvidedTopic>();
  #successionTimer: NodeJS.Timeout | undefined;
  #flushing: NodeJS.Immediate | undefined;
  #lastId = 0;
  #readyAt = 0;
  /** Of the daemon that was last connected. */
  frameBytes = Infinity;

  /** @param onRefused Called for a topic that the daemon does not let this client provide. */
  constructor(link: Link, requests: Requests, onRefused: (topic: ProvidedTopic, error: ChimedError) => void) {
    this.#link = link;
    this.#requests = requests;
    this.#onRefused = onRefused;
  }

  /** Asks to provide a topic. */
  ask(topic: ProvidedTopic): void {
    topic.standing = 'unasked';
    this.#toProvide.add(topic);
    this.#flushSoon();
  }

  /** Says why a topic fails, or that it fails no more; of one that is not accepted yet, it is said later. */
  fail(topic: ProvidedTopic): void {
    if (topic.standing !== 'provided') return;
    this.#toFail.add(topic);
    this.#flushSoon();
  }

  /** Gives up a topic. Resolves when the daemon has done so. */
  async leave(topic: ProvidedTopic): Promise<void> {
    for (const topics of [this.#toProvide, this.#toFail, this.#succeeding]) topics.delete(topic);
    if (topic.standing === 'unasked' || !this.#link.ready) return;
    const told = Promise.withResolvers<void>();
    this.#toLeave.set(topic.topic, told);
    this.#flushSoon();
    await told.promise;
  }

  /** The client is ready. */
  ready(frameBytes: number): void {
    this.frameBytes = frameBytes;
    this.#readyAt = performance.now();
    this.flush();
  }

  /** Forgets what the daemon was to be told, and all that it was asked. */
  reset(): void {
    for (const topics of [this.#toProvide, this.#asked, this.#toFail, this.#succeeding]) topics.clear();
    for (const { resolve } of this.#toLeave.values()) resolve();
    this.#toLeave.clear();
    clearTimeout(this.#successionTimer);
    clearImmediate(this.#flushing);
    this.#successionTimer = this.#flushing = undefined;
  }

  /** Sends what there is room for. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (!this.#link.ready) return;
    // Leaving waits for no room: only what the daemon was asked for can be left, so it is bounded.
    for (const topics of listsOf([...this.#toLeave.keys()], this.frameBytes)) this.#sendLeave(topics);
    for (const topics of listsOf([...this.#toProvide], this.frameBytes, ({ topic }) => topic)) {
      if (!this.#link.hasRoom) return;
      this.#sendAsk(topics);
    }
    for (const topic of this.#toFail) {
      if (!this.#link.hasRoom) return;
      this.#toFail.delete(topic);
      const { topic: name, failure = null } = topic;
      this.#link.send({ type: 'chimed.fail', data: { topic: name, error: failure } });
    }
  }

  /** The daemon has accepted the topics of a request, but for those that it refused before. */
  accepted({ id }: ProvidedAnswer): void {
    for (const topic of this.#asked.get(id)?.accepted ?? []) {
      topic.standing = 'provided';
      topic.wasProvided = true;
      if (topic.failure !== undefined) this.fail(topic);
    }
    this.#asked.delete(id);
  }

  /** The daemon has refused one topic of a request, or all that follow the last one that it refused. */
  rejected(rejection: Rejection, current: ProvidedTopic | undefined): void {
    const { topic: name, id } = rejection;
    if (name !== undefined) {
      const topic = this.#takeAsked(name) ?? current;
      return topic && this.#refused(topic, rejection);
    }
    const [oldest] = this.#asked.keys();
    const asked = this.#asked.get(id ?? oldest ?? '');
    for (const topic of asked?.topics.slice(asked.decided) ?? []) {
      asked!.accepted.delete(topic);
      this.#refused(topic, rejection);
    }
    if (id !== undefined) this.#asked.delete(id);
  }

  /** Refusals come in the order of the requests, so it is the oldest that names the topic. */
  #takeAsked(name: string): ProvidedTopic | undefined {
    for (const asked of this.#asked.values()) {
      for (let at = asked.decided; at < asked.topics.length; at++) {
        const topic = asked.topics[at]!;
        if (topic.topic !== name) continue;
        asked.decided = at + 1;
        asked.accepted.delete(topic);
        return topic;
      }
    }
    return undefined;
  }

  #refused(topic: ProvidedTopic, { code, message }: Rejection): void {
    topic.standing = 'unasked';
    const isRecent = performance.now() - this.#readyAt < SUCCESSION_MS;
    if (code === 'already-provided' && topic.wasProvided && isRecent) this.#succeedLater(topic);
    else this.#onRefused(topic, new ChimedError(isErrorCode(code) ? code : 'bad-request', message));
  }

  /** The daemon may not have noticed yet that the former connection is gone. */
  #succeedLater(topic: ProvidedTopic): void {
    this.#succeeding.add(topic);
    this.#successionTimer ??= setTimeout(() => {
      this.#successionTimer = undefined;
      for (const each of this.#succeeding) this.#toProvide.add(each);
      this.#succeeding.clear();
      this.flush();
    }, SUCCESSION_RETRY_MS);
  }

  #flushSoon(): void {
    this.#flushing ??= setImmediate(() => this.flush());
  }

  #sendAsk(topics: readonly ProvidedTopic[]): void {
    const id = `provide-${++this.#lastId}`;
    this.#asked.set(id, { topics, accepted: new Set(topics), decided: 0 });
    for (const topic of topics) {
      topic.standing = 'asked';
      this.#toProvide.delete(topic);
    }
    this.#link.send({ type: 'chimed.provide', data: { topics: topics.map(({ topic }) => topic), id } });
  }

  #sendLeave(topics: readonly string[]): void {
    const told = topics.map((topic) => this.#toLeave.get(topic)!);
    for (const topic of topics) this.#toLeave.delete(topic);
    const asked = this.#requests.ask('chimed.unprovide', { topics });
    // If there is no answer, the connection is gone, and with it all that was provided; or the daemon reads it later.
    void asked.catch(() => {}).then(() => told.forEach(({ resolve }) => resolve()));
  }
}
