import type { TopicConfig } from '../../src/config/config.ts';
import { Scheduler } from '../../src/daemon/schedule/scheduler.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { Offsets } from '../../src/daemon/topics/offsets.ts';
import type { Missed, Pattern, Subscriber } from '../../src/daemon/subscribers/audience.ts';
import { SubscriptionIndex } from '../../src/daemon/subscribers/subscription-index.ts';
import { Topic } from '../../src/daemon/topics/topic.ts';
import type { TopicParts } from '../../src/daemon/topics/topic-parts.ts';
import type { TopicTools } from '../../src/daemon/topics/topic.ts';
import type { SavedMessages } from '../../src/daemon/topics/message-log.ts';
import { silent } from '../../src/log.ts';
import type { Logger } from '../../src/log.ts';
import type { Frame } from '../../src/protocol/messages.ts';
import type { Source, StreamSource } from '../../src/sources/source.ts';
import { decodeFrame } from './decode-frame.ts';

export interface TopicOptions extends Partial<TopicConfig> {
  /** Takes a sample; a topic without it is one that clients publish to. */
  sample?: Source['sample'];
  /** Runs a stream instead. */
  run?: StreamSource['run'];
}

const followNobody = (): never => {
  throw new Error('this topic has no others beside it');
};

/** What all topics share. Timers that are fake fire at whole milliseconds. */
export function topicTools(): TopicTools {
  const scheduler = new Scheduler((ring) => ring(), 0);
  return { scheduler, offsets: new Offsets(), totals: newTotals(), instance: 'daemon', follow: followNobody };
}

/** What a topic is made of, with a tick each second unless it says otherwise. */
export function topicParts({ sample, run, ...config }: TopicOptions): TopicParts {
  if (run) {
    const { schedule: _, ...parts } = topicParts(config).config;
    return { config: { ...parts, source: { kind: 'data', data: String(run) } }, source: { run } };
  }
  return {
    config: {
      name: 't',
      schedule: { kind: 'interval', intervalMs: 1000, align: false },
      source: sample ? { kind: 'data', data: String(sample) } : { kind: 'publish' },
      first: sample ? 'sample' : 'last',
      timeoutMs: 1000,
      maxBytes: 1000,
      access: {},
      onChange: false,
      metrics: false,
      always: false,
      history: 0,
      historyBytes: 1_000_000,
      ...config,
    },
    source: sample && { sample },
  };
}

/** A topic with an index of its own. */
export class TestTopic extends Topic {
  readonly #index: SubscriptionIndex;

  constructor(parts: TopicParts, logger: Logger, saved?: SavedMessages) {
    const index = new SubscriptionIndex();
    super(
      parts,
      index.addTopic(parts.config.name, parts.config.access.subscribe),
      logger,
      topicTools(),
      saved,
    );
    this.#index = index;
  }

  /** How many hear it. */
  get subscribers(): number {
    return this.audience.size;
  }

  /** Registers a listener for the topic; returns how many messages it has lost. */
  subscribe(listener: Subscriber, after?: number): number {
    let lost = 0;
    for (const _ of this.#index.join(listener, this.#index.hold(this.name)))
      lost += this.join(listener, after);
    return lost;
  }

  unsubscribe(listener: Subscriber): void {
    for (const pattern of listener.patterns)
      for (const _ of this.#index.leave(listener, pattern)) this.abandoned();
  }
}

export function createTopic(
  options: TopicOptions,
  logger: Logger = silent,
  saved?: SavedMessages,
): TestTopic {
  return new TestTopic(topicParts(options), logger, saved);
}

/** A subscriber that keeps what it hears. */
export class Listener implements Subscriber {
  readonly peer = undefined;
  readonly patterns = new Set<Pattern>();
  readonly frames: Frame[] = [];
  readonly notices: Frame[] = [];

  message(_topic: string, frame: Buffer): void {
    this.frames.push(decodeFrame(frame));
  }

  replay(topic: string, missed: Missed): void {
    for (let frame = missed.next(); frame; frame = missed.next()) this.message(topic, frame);
  }

  notice(_topic: string, frame: Buffer): void {
    this.notices.push(decodeFrame(frame));
  }

  /** The payloads that it heard. */
  get heard(): unknown[] {
    return this.frames.map(({ data }) => data);
  }

  /** The numbers of the messages that it heard. */
  get seqs(): unknown[] {
    return this.frames.map(({ seq }) => seq);
  }
}
