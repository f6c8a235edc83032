import { forEachConcurrently } from '../../concurrency.ts';
import type { Config, TopicConfig } from '../../config/config.ts';
import { ConfigError } from '../../config/mistakes.ts';
import type { Mistake } from '../../config/mistakes.ts';
import { ConfigFiles } from '../../config/config-files.ts';
import { messageOf } from '../../errors.ts';
import { silent } from '../../log.ts';
import type { Logger } from '../../log.ts';
import { createSource } from '../../sources/create.ts';
import type { Source, SourceContext, StreamSource } from '../../sources/source.ts';

/** What a topic is made of: its configuration, and its source unless clients publish to it or provide it. */
export interface TopicParts {
  config: TopicConfig;
  source: Source | StreamSource | undefined;
}

/** How many modules are loaded at a time, each in a process of its own. */
const LOADS = 4;

/** Makes the source of a topic. */
export function createTopicParts(config: Config, topic: TopicConfig, logger: Logger): TopicParts {
  return { config: topic, source: createSource(topic.source, contextOf(topic, config, logger)) };
}

/**
 * Loads all modules of a configuration once.
 * @returns the configuration with their stamps, by which a topic differs once its module has changed.
 * @throws {ConfigError} with all modules that cannot be loaded.
 */
export async function loadModules(config: Config): Promise<Config> {
  const mistakes: Mistake[] = [];
  const topics = [...config.topics];
  const modules = topics.entries().filter(([, { source }]) => source.kind === 'module');
  await forEachConcurrently(modules, LOADS, async ([index, topic]) => {
    const { name, source } = topic;
    if (source.kind !== 'module') return;
    try {
      const { stampOf } = await import('../../sources/modules/module.ts');
      const stamp = await stampOf(source, contextOf(topic, config, silent));
      topics[index] = Object.freeze({ ...topic, source: { ...source, stamp } });
    } catch (error) {
      mistakes.push({ path: ['topics', name, 'module'], message: messageOf(error) });
    }
  });
  if (mistakes.length > 0) {
    const files = new ConfigFiles(config.file);
    throw new ConfigError(
      config.file,
      mistakes.map((mistake) => files.locate(mistake)),
    );
  }
  return Object.freeze({ ...config, topics: Object.freeze(topics) });
}

function contextOf(topic: TopicConfig, { directory }: Config, logger: Logger): SourceContext {
  const { name, timeoutMs, maxBytes } = topic;
  return { topic: name, timeoutMs, maxBytes, directory, logger };
}
