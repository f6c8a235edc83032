/*
 * The thread that commands are started in, see command.ts: to start a process holds a thread up until the process
 * runs, on a busy machine for tens of milliseconds, and the ticks must not wait for that.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import { killRuns, runCommand } from './command-run.ts';
import type { RunLimits } from './command-run.ts';

export type ThreadRequest =
  | { kind: 'run'; id: number; argv: readonly string[]; limits: RunLimits }
  | { kind: 'abort'; id: number }
  /** The process ends: all runs are ended at once, and it is told by `ThreadData`. */
  | { kind: 'end' };

/** What became of a run. */
export type ThreadAnswer = { id: number; output: string } | { id: number; error: string };

/** One word, which becomes 1 once all runs have been ended. */
export type ThreadData = Int32Array<SharedArrayBuffer>;

const runs = new Map<number, AbortController>();

parentPort!.on('message', (request: ThreadRequest) => {
  switch (request.kind) {
    case 'run':
      return void run(request);
    case 'abort':
      return runs.get(request.id)?.abort();
    case 'end':
      return end(workerData as ThreadData);
    default:
      return request satisfies never;
  }
});

async function run({ id, argv, limits }: ThreadRequest & { kind: 'run' }): Promise<void> {
  const controller = new AbortController();
  runs.set(id, controller);
  try {
    answer({ id, output: await runCommand(argv, limits, controller.signal) });
  } catch (error) {
    answer({ id, error: messageOf(error) });
  }
  runs.delete(id);
}

function answer(message: ThreadAnswer): void {
  parentPort!.postMessage(message);
}

function end(ended: ThreadData): void {
  killRuns();
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
}
