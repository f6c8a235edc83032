import type { TopicConfig } from '../../config/config.ts';
import { ChimedError } from '../../errors.ts';
import type { EventLog } from '../../log-events.ts';
import type { Totals } from '../../protocol/status-snapshot.ts';
import type { FollowTopic, TopicFollower } from '../../sources/derived/derived.ts';
import { isStream } from '../../sources/source.ts';
import { whyUnsampled } from '../../sources/unsampled.ts';
import type { MessageHead } from '../../transport/frames.ts';
import { Followers } from './followers.ts';
import type { HistoryBudget } from './history-budget.ts';
import { Latest } from './latest.ts';
import { MessageLog } from './message-log.ts';
import type { LoggedMessage, LoggedNumbers, SavedMessages } from './message-log.ts';
import type { Namespace } from './namespaces.ts';
import type { Offsets } from './offsets.ts';
import { Provision } from './provision.ts';
import { Replay } from './replay.ts';
import { createDriver } from './create-driver.ts';
import type { Driver } from './driver.ts';
import { SourceHealth } from './source-health.ts';
import { fingerprintOf } from './source-fingerprint.ts';
import { NOBODY_PROVIDES, failingFrame, recoveredFrame } from './source-notices.ts';
import { TopicCounters } from './topic-counters.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { TopicParts } from './topic-parts.ts';
import type { Audience, Subscriber } from '../subscribers/audience.ts';
import type { Provider } from '../subscribers/provider.ts';

/** What all topics share. */
export interface TopicTools {
  scheduler: Scheduler;
  offsets: Offsets;
  totals: Totals;
  /** The daemon's numbering. */
  instance: string;
  /** Has a topic follow another. */
  follow: FollowTopic;
  /** Bounds what all of them keep. @default each has its own bounds only */
  budget?: HistoryBudget;
}

/** The name with wildcards that a topic is of. */
export type TopicNamespace = Namespace<Topic>;

/**
 * A named stream: takes samples while somebody is registered, numbers them, and hands each to all subscribers.
 * It sleeps when nobody is registered, and a client that joins gets a message at once: the latest, or, if the
 * topic has just been woken, the one that is being taken.
 */
export class Topic {
  readonly #logger: EventLog;
  readonly #log: MessageLog;
  readonly name: string;
  /** Who hears it. */
  readonly audience: Audience;
  readonly counters: TopicCounters;
  /** Its number, for `Offsets`. */
  readonly number: number;
  /** That of the latest message of all topics when it was added. */
  readonly addedAt: number;
  readonly #scheduler: Scheduler;
  readonly #offsets: Offsets;
  /** Those who joined before there was a message of this waking period, if it may turn out to be no new one. */
  readonly #waiting = new Set<Subscriber>();
  /** Reports whether the latest message is what whoever joins begins with, and not one that is being sampled. */
  #fresh = false;
  #awake = false;
  readonly #latest: Latest;
  /** Settles when the samples of earlier configurations have ended. */
  #ending: Promise<unknown> = Promise.resolve();
  /** When a client published to it last, or what a restart has kept was made. */
  #publishedAt: number | undefined;
  /** The name with wildcards that it is of, if it is of one. */
  namespace: TopicNamespace | undefined;
  readonly #provision: Provision;
  readonly #instance: string;
  readonly #follow: FollowTopic;
  readonly #followers = new Followers();
  readonly #budget: HistoryBudget | undefined;
  readonly health: SourceHealth;
  #parts: TopicParts;
  #driver: Driver;

  /**
   * @param logger Takes the lines about this topic.
   * @param namespace The name with wildcards that it is of, if it is of one.
   */
  constructor(
    parts: TopicParts,
    audience: Audience,
    logger: EventLog,
    { scheduler, offsets, totals, instance, follow, budget }: TopicTools,
    saved?: SavedMessages,
    namespace?: TopicNamespace,
  ) {
    this.#parts = parts;
    this.name = parts.config.name;
    this.namespace = namespace;
    this.#instance = instance;
    this.#follow = follow;
    this.#budget = budget;
    this.audience = audience;
    this.#logger = logger;
    this.#scheduler = scheduler;
    this.#offsets = offsets;
    this.number = offsets.addTopic();
    this.addedAt = offsets.last;
    this.counters = new TopicCounters(totals);
    this.#log = new MessageLog(parts.config.name, parts.config, namespace?.budget ?? budget, saved);
    this.health = new SourceHealth(this.#healthListener, this.counters);
    this.#latest = new Latest(this.name, this.#log, () => this.health.failing > 0);
    this.#provision = new Provision(this.name);
    this.#publishedAt = this.lastSent;
    this.#driver = this.#createDriver();
    if (parts.config.source.kind === 'provide') this.health.lack(NOBODY_PROVIDES);
    if (saved?.sampled && saved.sampled.source === fingerprintOf(this.config)) {
      const age = Date.now() - saved.sampled.time;
      if (age >= 0) this.health.sampledAt = performance.now() - age; // Else the clock was set back.
    }
  }

  get config(): TopicConfig {
    return this.#parts.config;
  }

  /** Number of the latest message, 0 before the first. */
  get seq(): number {
    return this.#log.seq;
  }

  /** The numbering that `seq` belongs to, if it is not the daemon's. */
  get instance(): string | undefined {
    return this.#log.instance;
  }

  /** When the latest message was sent, in milliseconds since the epoch. */
  get lastSent(): number | undefined {
    return this.#log.last?.time;
  }

  /**
   * When the last sample that did not fail was taken, or the last message was published, in milliseconds since the epoch.
   * After a restart: when the last message that was kept was made.
   */
  get lastGood(): number | undefined {
    const { goodAt } = this.health;
    if (this.#isSent || goodAt === -Infinity) return this.#publishedAt;
    return Math.round(Date.now() - performance.now() + goodAt);
  }

  /** It has no source but clients. */
  get #isSent(): boolean {
    const { kind } = this.config.source;
    return kind === 'publish' || kind === 'provide';
  }

  /** `seq` was given where the message was made. */
  get origin(): boolean {
    return this.#log.origin;
  }

  /** Bytes that its latest message takes. */
  get latestBytes(): number {
    return this.#log.latestBytes;
  }

  /** The client that is its source. */
  get provider(): Provider | undefined {
    return this.#provision.provider;
  }

  get awake(): boolean {
    return this.#awake;
  }

  /** What of it the status shows. */
  get driver(): Pick<Driver, 'nextAt'> {
    return this.#driver;
  }

  /** Starts a topic that never sleeps, or that somebody hears. Others start with their first subscriber. */
  open(): void {
    if (!this.#awake && this.#isWanted) this.#wake();
    this.#tellDemand();
  }

  get #isWanted(): boolean {
    return this.config.always || !this.#followers.isEmpty || !this.audience.isEmpty;
  }

  /** Stops the ticks and the sample that is under way; resolves when that has ended. */
  async close(): Promise<void> {
    this.#stop();
    await this.#ending;
    await this.#driver.settled();
  }

  /**
   * Gives a new subscriber, who is in the audience already, what it begins with.
   * @param after Number of the last message that it heard, if it comes back: it gets those since that are kept.
   * @returns how many there were since that are not kept any more: it has lost them.
   */
  join(subscriber: Subscriber, after?: number): number {
    let lost = 0;
    this.#admit(() => {
      if (after !== undefined) {
        const replay = new Replay(this.#log, this.audience, subscriber, after);
        lost = replay.takeLost();
        subscriber.replay(this.name, replay);
      } else if (this.#fresh) {
        if (this.#hasBeginning) this.#deliver(this.#latest.message, subscriber);
      } else if (this.config.onChange) this.#waiting.add(subscriber);
      if (this.health.failing > 0) subscriber.notice(this.name, failingFrame(this.name, this.health));
    });
    return lost;
  }

  /** @param begin Gives whoever comes what it begins with, before its coming wakes the topic. */
  #admit(begin: () => void): void {
    const wakes = !this.#awake;
    if (wakes) this.#fresh = !this.#isDue && !this.#driver.running;
    begin();
    if (wakes) this.#wake();
  }

  /** Reports whether the latest message, if there is one, is for whoever comes. */
  get #hasBeginning(): boolean {
    return this.config.first !== 'none' && !this.#isTooOld;
  }

  /** Begins with what a new subscriber would get. */
  follow(follower: TopicFollower): void {
    this.#followers.add(follower);
    this.#admit(() => {
      const { lastJson } = this.#log;
      if (this.#fresh && lastJson !== undefined && this.#hasBeginning) follower.latest(JSON.parse(lastJson));
      if (this.health.failing > 0) follower.failing(this.health.lastError ?? '');
    });
  }

  unfollow(follower: TopicFollower): void {
    this.#followers.delete(follower);
    // Not at once: a derived topic that a reload has changed comes again.
    setImmediate(() => {
      if (!this.#isWanted) this.#sleep();
    });
  }

  /** The last subscriber has left. */
  abandoned(): void {
    this.#waiting.clear();
    if (!this.#isWanted) this.#sleep();
  }

  #sleep(): void {
    if (!this.#awake) return;
    this.#awake = false;
    this.#driver.rest();
    this.#tellDemand();
  }

  /**
   * A client is its source from now on. It is told nothing before `announceDemand`.
   * @param isNew It is the first that anybody hears of this topic.
   */
  provide(provider: Provider, isNew = false): void {
    this.#provision.take(provider);
    this.namespace?.returned(this);
    const failures = this.health.heal();
    if (failures > 0 && !isNew) this.#tellRecovered(failures);
    this.#latest.forget();
  }

  /** Tells a new provider whether somebody listens, and from then on whenever that changes. */
  announceDemand(provider: Provider): void {
    this.#provision.announce(provider, this.#awake, this.#position);
  }

  #tellDemand(): void {
    this.#provision.tell(this.#awake, this.#position);
  }

  readonly #position = (): { instance: string; seq: number } => {
    const { instance = this.#instance, seq } = this;
    return { instance, seq };
  };

  /** Its provider is its source no more. @param reason What its subscribers are told. */
  withdraw(reason: string): void {
    this.#provision.release();
    this.#lack(reason);
    this.namespace?.gone(this);
  }

  #lack(reason: string): void {
    this.health.lack(reason);
    this.#tellFailing(reason);
  }

  /**
   * Sends what its provider has sent.
   * @param numbers What it was numbered with where it was made. @default it is numbered here
   * @throws {ChimedError} `bad-request` if JSON cannot carry it, or its number is not higher than the last one;
   * `too-large`.
   */
  take(payload: unknown, numbers?: LoggedNumbers): void {
    const { instance, seq, origin } = this;
    const json = this.#encodePublished(payload);
    const isSame = numbers !== undefined && numbers.instance === instance;
    if (isSame && numbers.seq <= seq) {
      const id = instance ?? this.#instance;
      throw new ChimedError(
        'bad-request',
        `${this.name} needs seq to be higher than ${seq}, its last one of the instance ${id}, and it is ${numbers.seq}`,
      );
    }
    this.namespace?.makeRoom(this.#log.costOf(json) - this.#log.latestBytes, this);
    this.heal();
    this.#publishedAt = Date.now();
    if (!numbers) {
      if (origin) this.#log.endOrigin();
      return this.#send(json, origin ? NaN : 1);
    }
    this.#send(json, isSame ? numbers.seq - seq : NaN, numbers);
  }

  /** Its provider says that it fails, or has sent what cannot be sent. */
  fail(error: string): void {
    this.health.fail(error);
  }

  /** Its provider says that it fails no more, or has sent a message. */
  heal(): void {
    this.health.recover();
  }

  /**
   * Sends what a client published.
   * @returns the number of the message.
   * @throws {ChimedError} `not-publishable`, `bad-request` if JSON cannot carry it, or `too-large`.
   */
  publish(payload: unknown): number {
    this.#checkPublishable();
    this.#send(this.#encodePublished(payload));
    this.#publishedAt = Date.now();
    return this.seq;
  }

  #checkPublishable(): void {
    if (this.config.source.kind === 'publish') return;
    throw new ChimedError(
      'not-publishable',
      `${this.name} has a source of its own; only a topic with publish: true takes messages`,
    );
  }

  #encodePublished(payload: unknown): string {
    try {
      return this.#log.encode(payload);
    } catch (error) {
      const isItsSender = error instanceof ChimedError && error.code === 'source-failed';
      throw isItsSender ? new ChimedError('bad-request', error.message, { cause: error }) : error;
    }
  }

  /**
   * Lets go of what clients published, so that whoever joins gets nothing before the next message.
   * @throws {ChimedError} `not-publishable`.
   */
  empty(): void {
    this.#checkPublishable();
    this.#log.empty();
    this.#latest.forget();
  }

  /** What whoever joins would get now. `json`: the payload. */
  get lastMessage(): (MessageHead & { json: string }) | undefined {
    return this.#isTooOld ? undefined : this.#latest.parts;
  }

  /**
   * Takes one sample beside the schedule, and sends it to nobody.
   * @returns its payload as JSON.
   * @throws {ChimedError} `bad-request` if clients publish to the topic; or what the source throws.
   */
  sample(): Promise<string> {
    const why = isStream(this.#parts.source)
      ? 'its source sends by itself'
      : whyUnsampled(this.config.source);
    if (why)
      throw new ChimedError(
        'bad-request',
        `${this.name} cannot be sampled: ${why}; run chimed listen ${this.name}`,
      );
    return this.#driver.probe();
  }

  /** Goes over to another configuration: the same numbering, the same subscribers. Sleeps until it is opened. */
  replace(parts: TopicParts, namespace?: TopicNamespace): void {
    this.#stop();
    const before = { source: fingerprintOf(this.config), kind: this.config.source.kind };
    this.#parts = parts;
    this.#moveTo(namespace);
    this.#log.configure(parts.config, namespace?.budget ?? this.#budget);
    const running = this.#driver.isBusy && this.#driver.settled();
    this.#ending = Promise.allSettled([this.#ending, running]);
    this.#driver = this.#createDriver(running ? this.#ending : undefined);
    const isProvided = parts.config.source.kind === 'provide';
    if (!isProvided) this.#provision.release();
    if (isProvided && before.kind !== 'provide') this.#lack(NOBODY_PROVIDES);
    else if (!isProvided && this.#isSent) this.health.recover(); // Clients publish to it: nothing fails.
    if (fingerprintOf(this.config) !== before.source) this.health.sampledAt = -Infinity;
  }

  #moveTo(namespace: TopicNamespace | undefined): void {
    if (namespace === this.namespace) return;
    this.namespace?.delete(this);
    this.namespace = namespace;
    namespace?.add(this);
  }

  save(): SavedMessages {
    const { sampledAt } = this.health;
    const time = Math.round(Date.now() - performance.now() + sampledAt);
    return {
      ...this.#log.save(),
      ...(sampledAt > -Infinity && { sampled: { time, source: fingerprintOf(this.config) } }),
    };
  }

  /** Lets go of all messages, once it is removed. */
  remove(): void {
    this.#provision.release();
    this.namespace?.delete(this);
    this.#offsets.removeTopic(this.number);
    this.#log.close();
  }

  /** @param before What has to end before its source works. */
  #createDriver(before?: Promise<unknown>): Driver {
    const { health, counters } = this;
    const tools = { scheduler: this.#scheduler, counters, health };
    return createDriver(this.#parts, this.#log, (json) => this.#send(json), tools, this.#follow, before);
  }

  readonly #healthListener = {
    failing: (error: string): void => {
      this.#logger.warn({ event: 'source-failing', topic: this.name, error }, 'source is failing');
      this.#tellFailing(error);
    },
    recovered: (failures: number): void => {
      this.#logger.info({ event: 'source-recovered', topic: this.name, failures }, 'source has recovered');
      this.#tellRecovered(failures);
    },
  };

  #tellRecovered(failures: number): void {
    this.#notify(recoveredFrame(this.name, failures));
    this.#followers.recovered();
  }

  #tellFailing(error: string): void {
    this.#notify(failingFrame(this.name, this.health));
    this.#followers.failing(error);
  }

  #notify(frame: Buffer): void {
    const { name } = this;
    this.audience.each((subscriber) => subscriber.notice(name, frame));
  }

  /** Reports whether the latest message says nothing any more to whoever joins. */
  get #isTooOld(): boolean {
    return Date.now() - (this.lastSent ?? 0) > (this.config.maxAgeMs ?? Infinity);
  }

  /** Reports whether to wake means to take a sample: to come and go must not have more of them than the schedule has. */
  get #isDue(): boolean {
    return this.config.first === 'sample' && !this.#driver.running && this.#driver.isDue;
  }

  #wake(): void {
    const isDue = this.#isDue;
    this.#awake = true;
    this.#fresh = !isDue && !this.#driver.running;
    this.#driver.start({ sampleNow: isDue });
    this.#tellDemand();
  }

  #stop(): void {
    this.#awake = false;
    this.#driver.end();
  }

  /**
   * @param advance By how much it raises `seq`, NaN if it begins another numbering.
   * @param numbers What it was numbered with elsewhere.
   */
  #send(json: string, advance = 1, numbers?: LoggedNumbers): void {
    this.#fresh = true;
    this.#latest.forget();
    // A message that is left out must not be a gap in the numbers of another machine.
    if (this.config.onChange && !numbers && json === this.#log.lastJson) {
      for (const subscriber of this.#waiting)
        if (this.audience.has(subscriber)) this.#deliver(this.#log.last, subscriber);
      this.#followers.latest(json);
    } else {
      const { name } = this;
      const { seq, frame } = numbers
        ? this.#log.appendNumbered(json, numbers, this.#offsets.next(this.number, advance))
        : this.#log.append(json, this.#offsets.next(this.number, advance));
      this.counters.numbered();
      this.#logger.debug({ event: 'sent', topic: name, seq }, 'sent');
      this.audience.each((subscriber) => subscriber.message(name, frame));
      this.#followers.message(json);
    }
    if (this.#waiting.size > 0) this.#waiting.clear();
  }

  #deliver(message: LoggedMessage | undefined, subscriber: Subscriber): void {
    if (message) subscriber.message(this.name, message.frame);
  }
}
