import { DAEMON_CASE_SECONDS } from './daemon-case.ts';
import type { DaemonCase } from './daemon-case.ts';
import type { DaemonPool } from './daemon-pool.ts';
import { DaemonStage } from './daemon-stage.ts';

/** Plays one case. @throws if the daemon does not do what it must, or takes too long. */
export async function playDaemonCase(of: DaemonCase, pool: DaemonPool): Promise<void> {
  const { seconds = DAEMON_CASE_SECONDS, run } = of;
  await using stage = await DaemonStage.open(of, pool);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = `it took longer than ${seconds} s`;
    stage.end(reason); // A case that waits for a frame says what it has got instead.
    setImmediate(() => late.reject(new Error(reason)));
  }, seconds * 1000);
  try {
    await Promise.race([run(stage), late.promise]);
    if (stage.violation) throw new Error(stage.violation);
  } catch (error) {
    if (stage.output && error instanceof Error)
      error.message += `\nthe daemon wrote:\n${stage.output.slice(-2000)}`;
    throw error;
  } finally {
    clearTimeout(timer);
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
  /** @default 8 */
  atOnce?: number;
  onResult?: (result: DaemonResult) => void;
}

/** Plays cases, some of them at the same time. */
export async function playDaemonCases(
  cases: readonly DaemonCase[],
  pool: DaemonPool,
  { atOnce = 8, onResult = () => {} }: PlayOptions = {},
): Promise<DaemonResult[]> {
  const results: DaemonResult[] = [];
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = await tryCase(next, pool);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
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
    return result('failed', error instanceof Error ? error.message : String(error));
  }
}
