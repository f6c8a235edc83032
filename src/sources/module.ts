import { resolve } from 'node:path';

import { childThread } from './children.ts';
import { sourceEnvironment } from './environment.ts';
import type { ModuleRun } from './module-run.ts';
import type { Source, SourceContext } from './source.ts';

/**
 * Calls the default export of an ES module. The module runs in a process of its own, which is started at the first
 * sample of a waking period and ended with the period. Whatever it does there fails its own samples only.
 */
export function moduleSource(module: string, context: SourceContext): Source {
  const run = runOf(module, context);
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
export async function stampOf(module: string, context: SourceContext): Promise<string> {
  const run = runOf(module, context);
  try {
    return await childThread.perform({ kind: 'check', run });
  } finally {
    childThread.closeSource(run.source);
  }
}

function runOf(module: string, context: SourceContext): ModuleRun {
  const { topic, directory, timeoutMs, maxBytes, logger } = context;
  const source = childThread.openSource(logger);
  const env = sourceEnvironment(topic);
  return { source, topic, path: resolve(directory, module), directory, env, timeoutMs, maxBytes };
}
