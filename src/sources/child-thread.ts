/*
 * The thread that starts and supervises the processes of sources, see children.ts: to start a process holds a thread
 * up until the process runs, on a busy machine for tens of milliseconds, and the ticks must not wait for that.
 */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import { useIfSupported } from '../linux/if-supported.ts';
import { killChildren } from './child.ts';
import { runCommand } from './command-run.ts';
import type { CommandRun } from './command-run.ts';
import { checkModule, endModule, runModule } from './module-run.ts';
import type { ModuleRun } from './module-run.ts';
import type { LogLine } from './module-lines.ts';
import { lookForExits, startByLibc } from './start-process.ts';

export type Task =
  | { kind: 'command'; run: CommandRun }
  /** Calls a module; its process is started if it does not run yet. */
  | { kind: 'module'; run: ModuleRun }
  /** Loads a module in a process of its own, which then ends. */
  | { kind: 'check'; run: ModuleRun };

export type ThreadRequest =
  | { kind: 'task'; id: number; task: Task }
  | { kind: 'abort'; id: number }
  /** Ends the process of a module. */
  | { kind: 'rest'; source: number }
  /** A child of this process has ended, maybe one of the thread's. */
  | { kind: 'exits' }
  /** The process ends: all children are ended at once, and it is told by `ThreadData`. */
  | { kind: 'end' };

/** What became of a task, or a line that a module logs. */
export type ThreadAnswer =
  { id: number; output: string } | { id: number; error: string } | { source: number; line: LogLine };

/** One word, which becomes 1 once all children have been ended. */
export type ThreadData = Int32Array<SharedArrayBuffer>;

/** How much lower the priority of this thread is than that of the one that ticks, see nice(2). */
const NICER = 5;

const tasks = new Map<number, AbortController>();

// Threads have priorities of their own on Linux only, and the service's sandbox refuses the call.
void useIfSupported(
  () => import('../linux/process-calls.ts'),
  ({ threadId }) => setPriority(threadId(), Math.min(getPriority(process.pid) + NICER, 19)),
);

void startByLibc().then(() => parentPort!.on('message', handle));

function handle(request: ThreadRequest): void {
  switch (request.kind) {
    case 'task':
      return void perform(request.id, request.task);
    case 'abort':
      return tasks.get(request.id)?.abort();
    case 'rest':
      return endModule(request.source);
    case 'exits':
      return lookForExits();
    case 'end':
      return end(workerData as ThreadData);
    default:
      return request satisfies never;
  }
}

async function perform(id: number, task: Task): Promise<void> {
  const controller = new AbortController();
  tasks.set(id, controller);
  try {
    answer({ id, output: await outcome(task, controller.signal) });
  } catch (error) {
    answer({ id, error: messageOf(error) });
  }
  tasks.delete(id);
}

function outcome(task: Task, signal: AbortSignal): Promise<string> {
  switch (task.kind) {
    case 'command':
      return runCommand(task.run, signal);
    case 'module':
      return runModule(task.run, signal, log);
    case 'check':
      return checkModule(task.run, log);
    default:
      return task satisfies never;
  }
}

function log(source: number, line: LogLine): void {
  answer({ source, line });
}

function answer(message: ThreadAnswer): void {
  parentPort!.postMessage(message);
}

function end(ended: ThreadData): void {
  killChildren();
  Atomics.store(ended, 0, 1);
  Atomics.notify(ended, 0);
}
