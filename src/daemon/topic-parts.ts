import type { Config, TopicConfig } from '../config/config.ts';
import { ConfigError } from '../config/mistakes.ts';
import type { Mistake } from '../config/mistakes.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { createSource } from '../sources/create.ts';
import type { TopicParts } from './topic.ts';

/**
 * Makes the sources of topics.
 * @throws {ConfigError} with all that cannot be made.
 */
export async function createTopicParts(
  config: Config,
  topics: readonly TopicConfig[],
  logger: Logger,
): Promise<TopicParts[]> {
  const mistakes: Mistake[] = [];
  const parts = await Promise.all(
    topics.map(async (topic) => {
      const { name, source, timeoutMs, maxBytes } = topic;
      const context = { topic: name, timeoutMs, maxBytes, directory: config.directory, logger };
      try {
        return [{ config: topic, source: await createSource(source, context) }];
      } catch (error) {
        mistakes.push({ path: ['topics', name, source.kind], message: messageOf(error) });
        return [];
      }
    }),
  );
  if (mistakes.length > 0) throw new ConfigError(config.file, mistakes);
  return parts.flat();
}
