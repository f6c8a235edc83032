import { forEachConcurrently } from '../../../src/concurrency.ts';
import { messageOf } from '../../../src/errors.ts';
import { playWithin } from '../play-within.ts';
import { DAEMON_CASE_SECONDS } from './daemon-case.ts';
import type { DaemonCase } from './daemon-case.ts';
import type { DaemonPool } from './daemon-pool.ts';
import { DaemonStage } from './daemon-stage.ts';

/** Plays one case. @throws if the daemon does not do what it must, or takes too long. */
export async function playDaemonCase(of: DaemonCase, pool: DaemonPool): Promise<void> {
  const { seconds = DAEMON_CASE_SECONDS, run } = of;
  await using stage = await DaemonStage.open(of, pool);
  const end = (reason: string): void => stage.end(reason);
  try {
    await playWithin(seconds, end, () => run(stage));
    if (stage.violation) throw new Error(stage.violation);
  } catch (error) {
    if (stage.output && error instanceof Error)
      error.message += `\nthe daemon wrote:\n${stage.output.slice(-2000)}`;
    throw error;
  }
}

export interface DaemonResult {
  case: DaemonCase;
  outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  why?: string;
  ms: number;
}

interface PlayOptions {
  /** How many run at the same time. */
  atOnce: number;
  onResult: (result: DaemonResult) => void;
}

/** Plays cases, some of them at the same time. */
export async function playDaemonCases(
  cases: readonly DaemonCase[],
  pool: DaemonPool,
  { atOnce, onResult }: PlayOptions,
): Promise<void> {
  await forEachConcurrently(cases, atOnce, async (next) => onResult(await tryCase(next, pool)));
}

async function tryCase(of: DaemonCase, pool: DaemonPool): Promise<DaemonResult> {
  const began = performance.now();
  const result = (outcome: DaemonResult['outcome'], why?: string): DaemonResult => ({
    case: of,
    outcome,
    ...(why !== undefined && { why }),
    ms: Math.round(performance.now() - began),
  });
  const why = of.impossible?.();
  if (why !== undefined) return result('skipped', why);
  try {
    await playDaemonCase(of, pool);
    return result('passed');
  } catch (error) {
    return result('failed', messageOf(error));
  }
}
