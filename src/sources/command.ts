import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { messageOf } from '../errors.ts';
import type { RunLimits } from './command-run.ts';
import type { ThreadAnswer, ThreadData, ThreadRequest } from './command-thread.ts';
import type { Source, SourceContext } from './source.ts';
import { jsonOrText } from './text.ts';

/** Longest time that an exit waits for the thread to end what runs, in milliseconds. */
const END_MS = 1000;

/**
 * Runs a command: an argument list as it is, a text by `/bin/sh -c`. Its output is JSON if it parses, else text. All
 * commands are started by one thread, which is not this one: see there.
 */
export function commandSource(command: string | readonly string[], context: SourceContext): Source {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  const { directory, timeoutMs, maxBytes } = context;
  return {
    async sample(signal) {
      return jsonOrText(await thread.run(argv, { directory, timeoutMs, maxBytes }, signal));
    },
  };
}

/** This side of the thread that commands are started in. It is made with the first of them. */
class CommandThread {
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>();
  readonly #ended: ThreadData = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #worker: Worker | undefined;
  #lastId = 0;

  async run(argv: readonly string[], limits: RunLimits, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<string>();
    this.#waiting.set(id, waiting);
    worker.ref(); // It keeps the process alive as long as somebody waits for a run.
    const tell = (request: ThreadRequest): void => worker.postMessage(request);
    const abort = (): void => tell({ kind: 'abort', id });
    signal.addEventListener('abort', abort);
    try {
      tell({ kind: 'run', id, argv, limits });
      return await waiting.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    }
  }

  /** The process ends: what runs is ended with it, also what is being started just now. */
  end(): void {
    if (!this.#worker || this.#waiting.size === 0) return;
    this.#worker.postMessage({ kind: 'end' } satisfies ThreadRequest);
    Atomics.wait(this.#ended, 0, 0, END_MS);
  }

  #start(): Worker {
    const file = new URL(`command-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, {
      workerData: this.#ended,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2 }, // It grows to 60 otherwise: what a run makes dies at once.
    });
    worker.on('message', (answer: ThreadAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      if ('output' in answer) waiting?.resolve(answer.output);
      else waiting?.reject(new Error(answer.error));
    });
    worker.on('error', (error) => {
      this.#worker = undefined; // The next command makes another.
      for (const { reject } of this.#waiting.values())
        reject(new Error(`commands cannot be run: ${messageOf(error)}`));
    });
    return worker;
  }
}

const thread = new CommandThread();
process.on('exit', () => thread.end());
