import { resolve } from 'node:path';

import { childThread } from './children.ts';
import { surroundingsOf } from './environment.ts';
import type { Surroundings } from './environment.ts';
import type { ModuleRun } from './module-run.ts';
import type { Source, SourceContext } from './source.ts';

interface ModuleConfig extends Surroundings {
  module: string;
}

/**
 * Calls the default export of an ES module. The module runs in a process of its own, which is started at the first
 * sample of a waking period and ended with the period. Whatever it does there fails its own samples only.
 */
export function moduleSource(config: ModuleConfig, context: SourceContext): Source {
  const run = runOf(config, context);
  let period: AbortSignal | undefined;
  return {
    async sample(signal) {
      signal.throwIfAborted();
      if (signal !== period) {
        childThread.openSource(context.logger, run.source);
        signal.addEventListener('abort', () => childThread.closeSource(run.source));
      }
      period = signal;
      return JSON.parse(await childThread.perform({ kind: 'module', run }, signal)) as unknown;
    },
  };
}

/**
 * Loads a module once, in a process that then ends.
 * @returns its stamp: another one when its file, or one that it imports, has changed.
 * @throws if it cannot be loaded within the timeout.
 */
export async function stampOf(config: ModuleConfig, context: SourceContext): Promise<string> {
  const run = runOf(config, context);
  try {
    return await childThread.perform({ kind: 'check', run });
  } finally {
    childThread.closeSource(run.source);
  }
}

function runOf(config: ModuleConfig, context: SourceContext): ModuleRun {
  const { topic, directory, timeoutMs, maxBytes, logger } = context;
  const source = childThread.openSource(logger);
  const path = resolve(directory, config.module);
  return { source, topic, path, ...surroundingsOf(config, context), timeoutMs, maxBytes };
}
