import type { TopicConfig } from '../../src/config/config.ts';
import { Topic } from '../../src/daemon/topic.ts';
import type { Subscriber, TopicParts } from '../../src/daemon/topic.ts';
import type { SavedMessages } from '../../src/daemon/message-log.ts';
import { silent } from '../../src/log.ts';
import type { Logger } from '../../src/log.ts';
import type { Frame } from '../../src/protocol/messages.ts';
import type { Source } from '../../src/sources/source.ts';
import { decodeFrame } from '../../src/transport/frames.ts';

export interface TopicOptions extends Partial<TopicConfig> {
  /** Takes a sample; a topic without it is one that clients publish to. */
  sample?: Source['sample'];
}

/** What a topic is made of, with a tick each second unless it says otherwise. */
export function topicParts({ sample, ...config }: TopicOptions): TopicParts {
  return {
    config: {
      name: 't',
      schedule: { kind: 'interval', intervalMs: 1000, align: false },
      source: sample ? { kind: 'data', data: 'what `sample` gives' } : { kind: 'publish' },
      timeoutMs: 1000,
      maxBytes: 1000,
      access: {},
      onChange: false,
      always: false,
      history: 0,
      historyBytes: 1_000_000,
      ...config,
    },
    source: sample && { sample },
  };
}

export function createTopic(options: TopicOptions, logger: Logger = silent, saved?: SavedMessages): Topic {
  return new Topic(topicParts(options), logger, undefined, saved);
}

/** A subscriber that keeps what it hears. */
export class Listener implements Subscriber {
  readonly frames: Frame[] = [];

  message(_topic: string, frame: Buffer): void {
    this.frames.push(decodeFrame(frame));
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
