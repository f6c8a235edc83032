import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Source, SourceContext } from './source.ts';

/** What the default export of a source module is. */
export type SourceModule = (context: { topic: string; signal: AbortSignal; log: Logger }) => unknown;

/**
 * Calls the default export of an ES module. The module runs inside the daemon: one that never settles is
 * told to stop through `signal` after the timeout, and is not called again until it has.
 */
export async function moduleSource(module: string, context: SourceContext): Promise<Source> {
  const { topic, timeoutMs, directory, logger } = context;
  const take = await load(resolve(directory, module), timeoutMs);
  let running: Promise<unknown> | undefined;
  return {
    sample(wanted) {
      if (running)
        throw new Error(`the module has not settled since it was told to stop; it must obey its signal`);
      const controller = new AbortController();
      const result = take({
        topic,
        log: logger,
        // Made only for a module that asks for it: it costs more than many a sample.
        get signal() {
          return controller.signal;
        },
      });
      if (!isThenable(result)) return result;
      const run = Promise.resolve(result);
      running = run;
      const settled = () => void (running = undefined);
      run.then(settled, settled);
      return within(run, timeoutMs, wanted, controller);
    },
  };
}

async function load(path: string, timeoutMs: number): Promise<SourceModule> {
  // A reload must see the file as it is now, and the runtime never forgets a module that it has loaded.
  const url = pathToFileURL(path);
  url.searchParams.set('changed', String(statSync(path).mtimeMs));
  let loaded: { default?: unknown };
  const tooLong = new AbortController();
  try {
    // One that waits for ever as it is loaded would keep us from starting, and from every later reload.
    loaded = await Promise.race([
      import(url.href),
      wait(timeoutMs, undefined, { signal: tooLong.signal }).then(() => {
        throw new Error(`it took longer than ${timeoutMs} ms (timeout)`);
      }),
    ]);
  } catch (error) {
    throw new Error(`${path} cannot be loaded: ${messageOf(error)}`, { cause: error });
  } finally {
    tooLong.abort();
  }
  if (typeof loaded.default !== 'function')
    throw new Error(`the default export of ${path} must be a function`);
  return loaded.default as SourceModule;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null)?.then === 'function';
}

/** Waits for a run of the module. One that takes too long, or is not wanted any more, is told to stop, and fails. */
async function within(
  run: Promise<unknown>,
  timeoutMs: number,
  wanted: AbortSignal,
  controller: AbortController,
): Promise<unknown> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    controller.abort();
    reject(new Error(`the module took longer than ${timeoutMs} ms (timeout)`));
  };
  const timer = setTimeout(stop, timeoutMs);
  wanted.addEventListener('abort', stop);
  try {
    return await Promise.race([run, stopped]);
  } finally {
    clearTimeout(timer);
    wanted.removeEventListener('abort', stop);
  }
}
