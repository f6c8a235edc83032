import { rulesOf } from '../verdicts.ts';
import type { SharedDaemon } from './daemon-settings.ts';
import type { DaemonStage } from './daemon-stage.ts';

/** One thing that a daemon must do. */
export interface DaemonCase extends SharedDaemon {
  /** The rules of docs/wire.md that demand it. */
  rules: readonly number[];
  /** The section of docs/wire.md whose table demands it, where no rule does. */
  table?: 'Control frames' | 'Limits' | 'The status';
  /** It takes several seconds of work for the daemon: `npm test` leaves it out. */
  isHeavy?: true;
  /** How long it can take before it counts as failed, in seconds. @default 50 */
  seconds?: number;
  /** Why the case cannot be tried on this machine; undefined if it can. */
  impossible?(): string | undefined;
  /** @throws if the daemon does not do it. */
  run(stage: DaemonStage): Promise<void>;
}

/** Machines are shared, and a reload is done at a low priority. */
export const DAEMON_CASE_SECONDS = 50;

/** What demands a case, as its name shows it. */
export function demandOf({ rules, table }: Pick<DaemonCase, 'rules' | 'table'>): string {
  const numbers = rules.length > 0 ? [rulesOf(rules)] : [];
  return [...numbers, ...(table ? [`table of ${JSON.stringify(table)}`] : [])].join(', ');
}
