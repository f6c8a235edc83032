import type { Config, TopicConfig } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import { silent } from '../../log.ts';
import { MessageLog } from './message-log.ts';
import { createTopicParts } from './topic-parts.ts';

/** What came of a sample: the payload as JSON, or why there is none; and how long it took, in milliseconds. */
export type Outcome = { json: string; ms: number } | { error: string; ms: number };

/** Takes one sample of a topic in this process, as the daemon would. */
export async function sampleOnce(config: Config, topic: TopicConfig): Promise<Outcome> {
  const began = performance.now();
  const parts = createTopicParts(config, topic, silent);
  const log = new MessageLog(topic.name, topic);
  const wanted = new AbortController();
  const ms = (): number => Math.round((performance.now() - began) * 10) / 10;
  try {
    if (!parts.source) throw new Error('it has no source to sample: clients publish to it');
    const json = log.encode(await parts.source.sample(wanted.signal));
    return { json, ms: ms() };
  } catch (error) {
    return { error: messageOf(error), ms: ms() };
  } finally {
    wanted.abort(); // Ends the process of a module.
  }
}
