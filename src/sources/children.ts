import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import { children, isMark } from '../linux/family.ts';
import type { Logger } from '../log.ts';
import type { Task, ThreadAnswer, ThreadData, ThreadRequest } from './child-thread.ts';

/** Longest time that an exit waits for the thread to end its children, in milliseconds. */
const END_MS = 250;

/** This side of the thread that supervises the processes of sources. It is made with the first of them. */
class ChildThread {
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>();
  readonly #loggers = new Map<number, Logger>();
  readonly #ended: ThreadData = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #worker: Worker | undefined;
  #lastId = 0;

  /** Performs a task. When `signal` aborts, it is ended, and rejects once it has. */
  async perform(task: Task, signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<string>();
    this.#waiting.set(id, waiting);
    worker.ref(); // It keeps the process alive as long as a task is under way.
    const abort = (): void => this.#tell({ kind: 'abort', id });
    signal?.addEventListener('abort', abort);
    try {
      this.#tell({ kind: 'task', id, task });
      return await waiting.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    }
  }

  /** From now on, what the process of a module logs goes to `logger`. @returns the number of the source. */
  openSource(logger: Logger, source = ++this.#lastId): number {
    this.#loggers.set(source, logger);
    return source;
  }

  /** Ends the process of a module. */
  closeSource(source: number): void {
    this.#loggers.delete(source);
    this.#tell({ kind: 'rest', source });
  }

  /** Ends all children at once. */
  end(): void {
    if (!this.#worker) return;
    this.#tell({ kind: 'end' });
    Atomics.wait(this.#ended, 0, 0, END_MS);
    killLeft(); // The thread itself may hang.
  }

  /** Only the main thread hears of signals. */
  readonly #tellOfExits = (): void => this.#tell({ kind: 'exits' });

  #tell(request: ThreadRequest): void {
    this.#worker?.postMessage(request);
  }

  #start(): Worker {
    const file = new URL(`child-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, {
      workerData: this.#ended,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2 }, // It grows to 60 otherwise: what a run makes dies at once.
    });
    process.on('SIGCHLD', this.#tellOfExits);
    worker.on('message', (answer: ThreadAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#died(worker, messageOf(error)));
    worker.on('exit', () => this.#died(worker, 'it has exited'));
    return worker;
  }

  #answered(answer: ThreadAnswer): void {
    if ('line' in answer) {
      const { level, fields, message } = answer.line;
      this.#loggers.get(answer.source)?.[level](fields, message);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if ('output' in answer) waiting?.resolve(answer.output);
    else waiting?.reject(new Error(answer.error));
  }

  /** Its children end with it; the next task makes another thread. */
  #died(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    process.off('SIGCHLD', this.#tellOfExits);
    killLeft();
    for (const { reject } of this.#waiting.values())
      reject(new Error(`the thread that runs commands and modules has failed: ${reason}`));
  }
}

/** Ends the processes of all sources. */
function killLeft(): void {
  for (const { pid, mark } of children('all')) {
    if (!isMark(mark)) continue;
    for (const target of [-pid, pid]) {
      try {
        process.kill(target, 'SIGKILL');
      } catch {
        // It leads no group, or has ended.
      }
    }
  }
}

export const childThread = new ChildThread();

/** Ends the processes of all sources at once. To be called before the process exits. */
export function endChildren(): void {
  childThread.end();
}
process.on('exit', endChildren);
