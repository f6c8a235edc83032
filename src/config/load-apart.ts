import { fork } from 'node:child_process';
import { extname, join } from 'node:path';

import { ChimedError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { Config } from './config.ts';
import { deepFreeze } from './load.ts';
import { ConfigError } from './mistakes.ts';
import type { Mistake } from './mistakes.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadRequest {
  /** The file that was asked for, as in `findConfig`. */
  named: string | undefined;
  env: Environment;
}

/** What the process says when it can be asked. */
export type Ready = 'ready';

export type LoadAnswer =
  { config: Config } | { file: string; mistakes: readonly Mistake[] } | { message: string; code?: ErrorCode };

/** Longest time, in milliseconds: two look-ups of accounts may take 5 s each. */
const TIMEOUT_MS = 15_000;
const PROGRAM = join(import.meta.dirname, `load-process${extname(import.meta.filename)}`);

/**
 * Does what `findConfig` and `loadConfig` do, in a process of its own: a file system or a directory of accounts that does
 * not answer delays no tick, and cannot keep this process from ending, as a thread that waits for it would.
 * @param options.timeoutMs In milliseconds. @default 15000
 * @throws {ChimedError} `bad-config`, as `loadConfig` does, and if it takes longer than `timeoutMs`.
 */
export async function loadApart(
  named: string | undefined,
  env: Environment,
  { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<Config> {
  const child = fork(PROGRAM, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const { promise, resolve, reject } = Promise.withResolvers<LoadAnswer>();
  child.on('message', (said: Ready | LoadAnswer) => {
    if (said === 'ready') child.send({ named, env } satisfies LoadRequest);
    else resolve(said);
  });
  child.once('error', reject);
  child.once('exit', (code, signal) =>
    reject(failure(`the process that loads it ended with ${signal ?? code}`)),
  );
  const timer = setTimeout(
    () =>
      reject(
        failure(`no answer from its file system or the directory of accounts within ${timeoutMs / 1000} s`),
      ),
    timeoutMs,
  );
  try {
    return configOf(await promise);
  } finally {
    clearTimeout(timer);
    process.off('exit', kill);
    kill();
    child.unref(); // One that cannot be killed must not keep this process alive.
    if (child.connected) child.disconnect();
  }
}

function configOf(answer: LoadAnswer): Config {
  if ('config' in answer) return deepFreeze(answer.config);
  if ('mistakes' in answer) throw new ConfigError(answer.file, answer.mistakes);
  throw answer.code === undefined ? new Error(answer.message) : new ChimedError(answer.code, answer.message);
}

function failure(reason: string): ChimedError {
  return new ChimedError('bad-config', `the configuration cannot be loaded: ${reason}`);
}
