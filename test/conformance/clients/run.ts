import { forEachConcurrently } from '../../../src/concurrency.ts';
import { messageOf } from '../../../src/errors.ts';
import { playWithin } from '../play-within.ts';
import { DEFAULT_SECONDS } from './case.ts';
import type { Case, Feature } from './case.ts';
import { Stage } from './stage.ts';

export type Outcome = 'passed' | 'failed' | 'not supported' | 'skipped';

export interface Result {
  name: string;
  rules: readonly number[];
  outcome: Outcome;
  /** Why it failed or was skipped. */
  why?: string;
  /** What was said, if it failed. */
  transcript?: string;
  ms: number;
}

/** What the client can do. @param command Starts its adapter. @throws if that writes no `hello`. */
export async function helloOf(command: string): Promise<{ client: string; features: readonly Feature[] }> {
  await using stage = new Stage(command);
  const end = (reason: string): void => stage.end(reason);
  try {
    const { client, features } = await playWithin(DEFAULT_SECONDS, end, () => stage.client.event('hello'));
    return { client: String(client), features: features as Feature[] };
  } catch (error) {
    const why = `the adapter has not written its hello: ${messageOf(error)}`;
    throw new Error(`${why}\n${stage.transcript}`, { cause: error });
  }
}

/** Tries one case with a client. @param command Starts its adapter. @param most Most that it can take, in seconds. */
export async function runCase(command: string, tried: Case, most = Infinity): Promise<Result> {
  const { name, rules, impossible, run } = tried;
  const seconds = Math.min(tried.seconds ?? DEFAULT_SECONDS, most);
  const began = performance.now();
  const result = (outcome: Outcome, more: Pick<Result, 'why' | 'transcript'> = {}): Result => {
    return { name, rules, outcome, ...more, ms: Math.round(performance.now() - began) };
  };
  const why = impossible?.();
  if (why !== undefined) return result('skipped', { why });
  await using stage = new Stage(command);
  const end = (reason: string): void => stage.end(reason);
  try {
    await playWithin(seconds, end, () => run(stage));
    return result('passed');
  } catch (error) {
    return result('failed', { why: messageOf(error), transcript: String(stage.transcript) });
  }
}

/** Tries cases, some of them at the same time: most of their time is waiting. */
export async function runCases(
  command: string,
  cases: readonly Case[],
  { features, atOnce = 4, seconds, onResult = () => {} }: RunOptions,
): Promise<Result[]> {
  const results: Result[] = [];
  await forEachConcurrently(cases, atOnce, async (next) => {
    const { name, rules, needs = 'listen' } = next;
    const result: Result = features.includes(needs)
      ? await runCase(command, next, seconds)
      : { name, rules, outcome: 'not supported', why: `the client has no ${needs}`, ms: 0 };
    results.push(result);
    onResult(result);
  });
  return results;
}

interface RunOptions {
  /** Those of the client. */
  features: readonly Feature[];
  /** @default 4 */
  atOnce?: number;
  /** Most that a case can take, in seconds. */
  seconds?: number | undefined;
  onResult?: (result: Result) => void;
}
