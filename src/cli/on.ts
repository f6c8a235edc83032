import { ChimedError } from '../errors.ts';
import { Turn } from '../in-turns.ts';
import { silent } from '../log.ts';
import { socketToUse } from './connect-once.ts';
import { note } from './note.ts';
import { BoundedNotes } from './on/bounded-notes.ts';
import { checkProgram } from './on/check-program.ts';
import { Faults } from './on/faults.ts';
import { Jobs } from './on/jobs.ts';
import { RecentTopics } from './on/recent-topics.ts';
import { Trigger } from './on/trigger.ts';
import { reportStanding } from './standing-report.ts';

/** Longest time that messages are worked off without a break, in milliseconds. */
const TURN_MS = 20;

/** What the command line of `chimed on` says. */
export interface OnOptions {
  socket?: string;
  where?: string;
  for?: number;
  onChange?: boolean;
  jobs: number;
  /** In milliseconds. */
  timeout?: number;
  count?: number;
}

/**
 * Runs a command for messages, until a signal or `count` ends it.
 * @param argv The command and its arguments.
 * @throws {ChimedError} `bad-request` if the command cannot be run, or the expression has a mistake; `not-permitted`, `unknown-topic`.
 */
export async function runOnMessages(
  patterns: readonly string[],
  argv: readonly string[],
  options: OnOptions,
): Promise<void> {
  checkProgram(argv[0]!);
  const where =
    options.where === undefined ? undefined : (await import('./where.ts')).compileWhere(options.where);
  const { connect } = await import('../client/client.ts');
  await using client = connect({
    name: 'chimed on',
    logger: silent, // We say it ourselves.
    ...(await socketToUse(options.socket)),
  });
  const standing = reportStanding(client, patterns);
  const faults = new Faults();
  const notes = new BoundedNotes();
  /** Messages of each topic that were lost since its last run. */
  const lost = new RecentTopics<number>();
  const trigger = new Trigger({
    where,
    onFault: (message, error) => faults.tell(message, error),
    onChange: options.onChange,
    inARow: options.for,
  });
  let cannotRun: string | undefined;
  const jobs = new Jobs({
    argv,
    atATime: options.jobs,
    timeoutMs: options.timeout,
    count: options.count,
    onFailure: ({ topic, seq }, failure) => notes.say(`${topic} #${seq}: ${failure}`),
    onLast: (reason) => {
      cannotRun ??= reason;
      void client.close();
    },
  });
  let isStopping = false;
  onStopSignals(
    () => {
      isStopping = true;
      jobs.stop();
      void client.close();
    },
    () => jobs.kill(),
  );
  try {
    const turn = new Turn(TURN_MS);
    for await (const message of client.listen(patterns)) {
      const { topic, seq } = message;
      if (message.missed > 0) notes.say(`missed ${message.missed} of ${topic} before #${seq}`);
      const missed = (lost.get(topic) ?? 0) + message.missed;
      lost.delete(topic);
      if (trigger.takes(message)) jobs.offer({ ...message, missed });
      else if (missed > 0) lost.set(topic, missed);
      if (turn.isOver) await turn.next(); // While messages wait, the loop leaves signals no turn.
      if (isStopping) break; // What waits in the client is no more of use.
    }
  } finally {
    await jobs.finish();
    notes.close();
    if (jobs.failed > 0) note(`failed runs: ${jobs.failed}`);
    if (jobs.skipped > 0) note(`messages skipped because commands were running: ${jobs.skipped}`);
    if (faults.count > 0) note(`messages for which --where could not be evaluated: ${faults.count}`);
  }
  if (cannotRun !== undefined) throw new ChimedError('bad-request', cannotRun);
  if (standing.isRefused) throw standing.unreached!;
}

/** The commands run in sessions of their own, so a terminal's Ctrl-C and its end reach only this process. */
function onStopSignals(first: () => void, second: () => void): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (isStopping) return second();
      isStopping = true;
      first();
    });
}
