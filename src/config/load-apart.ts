import { fork } from 'node:child_process';
import { extname, join } from 'node:path';

import { ChimedError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { Config, TopicConfig } from './config.ts';
import { deepFreeze } from './load.ts';
import { ConfigError } from './mistakes.ts';
import type { Mistake } from './mistakes.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadRequest {
  /** The file that was asked for, as in `findConfig`. */
  named: string | undefined;
  env: Environment;
}

/** Asks for some more of the topics. */
export type MoreRequest = 'more';

/** What the process says when it can be asked. */
export type Ready = 'ready';

/** A configuration without its topics; these follow when they are asked for. Or why there is none. */
export type LoadAnswer =
  | { config: Config; topicCount: number }
  | { file: string; mistakes: readonly Mistake[] }
  | { message: string; code?: ErrorCode };

/** Some topics: to read all of a large configuration at once would hold up the ticks. */
export type TopicsAnswer = { topics: TopicConfig[] };

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
  const { promise, resolve, reject } = Promise.withResolvers<Config>();
  const topics: TopicConfig[] = [];
  let loaded: { config: Config; topicCount: number } | undefined;
  child.on('message', (said: Ready | LoadAnswer | TopicsAnswer) => {
    if (said === 'ready') return void child.send({ named, env } satisfies LoadRequest);
    if ('topics' in said) topics.push(...deepFreeze(said.topics));
    else if ('config' in said) loaded = said;
    else return reject(failureOf(said));
    if (topics.length < loaded!.topicCount) child.send('more' satisfies MoreRequest);
    else resolve(deepFreeze({ ...loaded!.config, topics }));
  });
  child.once('error', reject);
  child.once('exit', (code, signal) =>
    reject(failure(`the process that loads it ended with ${signal ?? code}`)),
  );
  const timer = setTimeout(
    () =>
      reject(failure(`the file system or the account database did not answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    process.off('exit', kill);
    kill();
    child.unref(); // One that cannot be killed must not keep this process alive.
    if (child.connected) child.disconnect();
  }
}

function failureOf(answer: Exclude<LoadAnswer, { config: Config }>): Error {
  if ('mistakes' in answer) return new ConfigError(answer.file, answer.mistakes);
  return answer.code === undefined ? new Error(answer.message) : new ChimedError(answer.code, answer.message);
}

function failure(reason: string): ChimedError {
  return new ChimedError('bad-config', `the configuration cannot be loaded: ${reason}`);
}
