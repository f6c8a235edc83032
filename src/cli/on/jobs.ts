import type { Message } from '../../client/api.ts';
import { asText } from '../payload.ts';
import { Job } from './job.ts';
import type { JobOptions } from './job.ts';
import { RecentTopics } from './recent-topics.ts';

/** How many topics may have a message that waits, and how many characters these messages may have. */
const MOST_WAITING = 1000;
const MOST_CHARACTERS = 64 * 1024 ** 2;
/** How long after SIGKILL a command that still exists is waited for, in milliseconds. It hangs in the kernel. */
const HANG_MS = 500;
/** From SIGTERM to SIGKILL and that long. */
const STOP_MS = 2000 + HANG_MS;

export interface JobsOptions extends Pick<JobOptions, 'argv' | 'timeoutMs'> {
  /** How many run at a time. */
  atATime: number;
  /** How many are run in all. @default unlimited */
  count?: number | undefined;
  /** Is told of each run that failed. */
  onFailure: (message: Pick<Message, 'topic' | 'seq'>, failure: string) => void;
  /** No more runs are started: `count` is reached, or the command cannot be run, for this reason. */
  onLast: (cannotRun?: string) => void;
}

/** A message for which the command is to be run: without its data, which `input` has. */
interface Run extends Pick<Message, 'topic' | 'seq' | 'time' | 'stale' | 'missed'> {
  input: string;
}

/** The runs of the command. While as many run as may, the newest message of each topic waits. */
export class Jobs {
  /** Messages that did not run the command because it was busy. */
  skipped = 0;
  failed = 0;
  readonly #options: JobsOptions;
  readonly #running = new Set<Job>();
  readonly #waiting = new Map<string, Run>();
  #waitingCharacters = 0;
  /** Messages of each topic that were skipped since its last run. */
  readonly #skipped = new RecentTopics<number>();
  readonly #idle = Promise.withResolvers<void>();
  #started = 0;
  #isOver = false;
  #isStopped = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Runs the command for a message, now or when another run has ended. */
  offer({ topic, seq, time, stale, missed, data }: Message): void {
    if (this.#isOver) return;
    const input = typeof data === 'string' ? data : `${asText(data)}\n`;
    const run: Run = { topic, seq, time, missed, input, ...(stale && { stale }) };
    if (this.#running.size < this.#options.atATime) return this.#start(run);
    const replaced = this.#waiting.get(topic);
    if (replaced) {
      this.#skip(replaced);
      run.missed += replaced.missed;
    }
    this.#waiting.set(topic, run); // It keeps the place of the one that it replaces.
    this.#waitingCharacters += input.length - (replaced?.input.length ?? 0);
    this.#bound();
  }

  /** Starts no more. @returns a promise that resolves when all that run have ended. */
  finish(): Promise<void> {
    this.#isOver = true;
    this.skipped += this.#waiting.size;
    this.#waiting.clear();
    if (this.#running.size === 0) this.#idle.resolve();
    return this.#idle.promise;
  }

  /** Starts no more, and ends those that run: by SIGTERM, and by SIGKILL two seconds later. */
  stop(): void {
    this.#isStopped = true;
    void this.finish();
    for (const job of this.#running) job.end('chimed on was stopped');
    this.#giveUpAfter(STOP_MS);
  }

  /** Starts no more, and ends those that run by SIGKILL. */
  kill(): void {
    this.#isStopped = true;
    void this.finish();
    for (const job of this.#running) job.kill();
    this.#giveUpAfter(HANG_MS);
  }

  #giveUpAfter(ms: number): void {
    setTimeout(() => this.#idle.resolve(), ms).unref();
  }

  #start(run: Run): void {
    const { argv, timeoutMs, count, onLast } = this.#options;
    const env = environmentOf(run, this.#skipped.get(run.topic) ?? 0);
    this.#skipped.delete(run.topic);
    const job = new Job({ argv, input: run.input, env, timeoutMs });
    this.#running.add(job);
    void this.#follow(job, run);
    if (++this.#started !== count) return;
    this.#isOver = true;
    this.#waiting.clear(); // Not skipped: no run was wanted of them.
    onLast();
  }

  async #follow(job: Job, run: Run): Promise<void> {
    const { failure, cannotRun } = await job.ended;
    this.#running.delete(job);
    if (cannotRun) {
      void this.finish();
      this.#options.onLast(failure);
    } else if (failure !== undefined && !this.#isStopped) {
      this.failed++;
      this.#options.onFailure(run, failure);
    }
    if (this.#isOver && this.#running.size === 0) this.#idle.resolve();
    this.#startNext();
  }

  #startNext(): void {
    const next = this.#waiting.values().next().value;
    if (!next || this.#isOver) return;
    this.#forget(next);
    this.#start(next);
  }

  /** The message that has waited longest goes first. */
  #bound(): void {
    while (
      this.#waiting.size > MOST_WAITING ||
      (this.#waitingCharacters > MOST_CHARACTERS && this.#waiting.size > 1)
    ) {
      const oldest = this.#waiting.values().next().value!;
      this.#forget(oldest);
      this.#skip(oldest);
    }
  }

  #forget({ topic, input }: Run): void {
    this.#waiting.delete(topic);
    this.#waitingCharacters -= input.length;
  }

  #skip({ topic }: Run): void {
    this.skipped++;
    this.#skipped.set(topic, (this.#skipped.get(topic) ?? 0) + 1);
  }
}

function environmentOf({ topic, seq, time, missed, stale }: Run, skipped: number): NodeJS.ProcessEnv {
  const { CHIMED_STALE: _, ...inherited } = process.env; // It can be of the message that has run this process.
  return {
    ...inherited,
    CHIMED_TOPIC: topic,
    CHIMED_SEQ: String(seq),
    CHIMED_TIME: String(time),
    CHIMED_MISSED: String(missed),
    CHIMED_SKIPPED: String(skipped),
    ...(stale && { CHIMED_STALE: '1' }),
  };
}
