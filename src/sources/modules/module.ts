import { resolve } from 'node:path';

import { withFields } from '../../log.ts';
import { surroundingsOf } from '../environment.ts';
import type { Surroundings } from '../environment.ts';
import { ModuleRunner } from './module-run.ts';
import type { ModuleRun } from './module-run.ts';
import type { Source, SourceContext } from '../source.ts';

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
  let current: ModuleRunner | undefined;
  const rest = (): void => {
    current?.end();
    current = undefined;
  };

  async function call(signal: AbortSignal): Promise<string> {
    await current?.idle();
    if (current?.wasKilled) current = undefined; // Otherwise, the sample says why it has ended.
    const runner = (current ??= await ModuleRunner.start(run, 'call'));
    try {
      if (!signal.aborted) await runner.loaded;
      if (signal.aborted) runner.end(); // The topic has fallen asleep while it was started.
      return await runner.call(signal);
    } catch (error) {
      if (runner.isOver && current === runner) current = undefined; // The next sample starts another.
      throw error;
    }
  }

  return {
    async sample(signal) {
      signal.throwIfAborted();
      if (signal !== period) signal.addEventListener('abort', rest);
      period = signal;
      return JSON.parse(await call(signal)) as unknown;
    },
  };
}

/**
 * Loads a module once, in a process that then ends.
 * @returns its stamp: another one when its file, or one that it imports, has changed.
 * @throws if it cannot be loaded within the timeout.
 */
export async function stampOf(config: ModuleConfig, context: SourceContext): Promise<string> {
  const runner = await ModuleRunner.start(runOf(config, context), 'check');
  try {
    return await runner.loaded;
  } finally {
    runner.end();
    await runner.settled;
  }
}

function runOf(config: ModuleConfig, context: SourceContext): ModuleRun {
  const { topic, directory, timeoutMs, maxBytes } = context;
  const path = resolve(directory, config.module);
  // A module's lines are about none of our events, whatever it says.
  const logger = withFields(context.logger, (fields) => ({ ...fields, event: undefined }));
  return { topic, path, ...surroundingsOf(config, context), timeoutMs, maxBytes, logger };
}
