import { extname } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { Child } from './child.ts';
import { failureOf } from './command-run.ts';
import { Lines } from './lines.ts';
import { HEAP_MIB, boundMemory, outOfMemory } from './module-memory.ts';
import { LineBudget, readLine } from './module-lines.ts';
import type { LogLine } from './module-lines.ts';
import type { ModuleTask } from './module-process.ts';
import { takePlace } from './places.ts';

/** A module that is called for a source. */
export interface ModuleRun extends ModuleTask {
  source: number;
  directory: string;
  env: Record<string, string | undefined>;
  timeoutMs: number;
}

type Log = (source: number, line: LogLine) => void;

/** How long Node itself may take to start, in milliseconds. */
const START_MS = 20_000;
/** How long a call may go on after its signal has aborted before its process is killed, in milliseconds. */
const ABORT_MS = 200;
/** What an answer has beside a payload of `maxBytes`, at most. */
const OVERHEAD_BYTES = 64 * 1024;

const program = fileURLToPath(new URL(`module-process${extname(import.meta.filename)}`, import.meta.url));
/** Longest line of what a module prints that is logged, in bytes. */
const PRINTED_BYTES = 1024;
const flags = [`--max-old-space-size=${HEAP_MIB}`, '--max-semi-space-size=2', '--no-warnings'];

/** The processes of modules, by source. */
const processes = new Map<number, ModuleProcess>();

/** Calls a module in its process, which is started if there is none. @returns the payload as JSON. */
export async function runModule(run: ModuleRun, signal: AbortSignal, log: Log): Promise<string> {
  const { source } = run;
  await processes.get(source)?.idle();
  const current = processes.get(source) ?? (await ModuleProcess.start(run, log, 'call'));
  processes.set(source, current);
  try {
    if (!signal.aborted) await current.loaded;
    if (signal.aborted) current.end(); // The topic has fallen asleep while its process was started.
    return await current.call(signal); // Should it end right after this, the next sample says why.
  } catch (error) {
    current.forgetIfOver(); // The next sample starts another.
    throw error;
  }
}

/** Ends the process of a module, if it has one. */
export function endModule(source: number): void {
  processes.get(source)?.end();
  processes.delete(source);
}

/**
 * Loads a module once.
 * @returns its stamp, which differs when a file that it consists of has changed.
 * @throws if it cannot be loaded within its timeout.
 */
export async function checkModule(run: ModuleRun, log: Log): Promise<string> {
  const process = await ModuleProcess.start(run, log, 'check');
  try {
    return await process.loaded;
  } finally {
    process.end();
    await process.settled;
  }
}

/** The process of one module, see module-process.ts. */
class ModuleProcess {
  readonly #run: ModuleRun;
  readonly #child: Child;
  readonly #channel: Duplex | undefined;
  readonly #lines: LineBudget;
  readonly #loaded = Promise.withResolvers<string>();
  #loadTimer: NodeJS.Timeout;
  #call: PromiseWithResolvers<string> | undefined;
  /** Which call is the latest: what a module sends for an earlier one is ignored. */
  #calls = 0;
  /** Why it ends or has ended, if it does. */
  #over: string | undefined;

  /** @throws if an earlier process of the same module still hangs. */
  static async start(run: ModuleRun, log: Log, purpose: 'check' | 'call'): Promise<ModuleProcess> {
    const place = await takePlace(`${run.topic}\0${run.path}\0${purpose}`);
    const started = new ModuleProcess(run, log);
    place.hold(started.#child);
    return started;
  }

  private constructor(run: ModuleRun, log: Log) {
    this.#run = run;
    const { path, topic, maxBytes, directory, env, source } = run;
    const task: ModuleTask = { path, topic, maxBytes };
    this.#lines = new LineBudget((line) => log(source, line));
    const argv = [process.execPath, ...flags, program, JSON.stringify(task)];
    this.#child = new Child({ argv, directory, env, channel: true });
    this.#channel = this.#child.process.channel;
    this.#loaded.promise.catch(() => {}); // It may end before anything waits for it.
    this.#loadTimer = this.#limitLoad(START_MS, 'to start Node');
    this.#listen();
    void this.#child.gone.then((exit) => this.#finish(`its process ${failureOf(exit) ?? 'exited with 0'}`));
    void this.#child.settled.then(() => this.#finish('its process hangs'));
  }

  /** Resolves with the module's stamp when it has been loaded. */
  get loaded(): Promise<string> {
    return this.#loaded.promise;
  }

  /** See `Child.settled`. */
  get settled(): Promise<unknown> {
    return this.#child.settled;
  }

  /** Resolves when no call is under way, not even one that has taken too long. */
  async idle(): Promise<void> {
    await this.#call?.promise.catch(() => {});
  }

  end(): void {
    this.#over ??= 'the module is no longer needed';
    this.#child.end();
  }

  forgetIfOver(): void {
    const { source } = this.#run;
    if (this.#over !== undefined && processes.get(source) === this) processes.delete(source);
  }

  /** Calls the module. When it takes too long or `signal` aborts, its own signal aborts; if it goes on, it is killed. */
  async call(signal: AbortSignal): Promise<string> {
    if (this.#over !== undefined) throw new Error(this.#over);
    const { timeoutMs } = this.#run;
    const call = (this.#call = Promise.withResolvers<string>());
    const late = Promise.withResolvers<never>();
    let kill: NodeJS.Timeout | undefined;
    const stop = (): void => {
      this.#tell('abort');
      kill ??= setTimeout(() => this.#kill('it did not obey its signal'), ABORT_MS);
    };
    const timer = setTimeout(() => {
      stop();
      late.reject(new Error(`the module took longer than ${timeoutMs} ms (timeout)`));
    }, timeoutMs);
    signal.addEventListener('abort', stop);
    const settled = (): void => {
      clearTimeout(timer);
      clearTimeout(kill);
      signal.removeEventListener('abort', stop);
      this.#call = undefined;
    };
    call.promise.then(settled, settled);
    this.#tell(`call ${++this.#calls}`);
    return await Promise.race([call.promise, late.promise]);
  }

  #limitLoad(ms: number, what: string): NodeJS.Timeout {
    clearTimeout(this.#loadTimer);
    return setTimeout(() => {
      this.#kill(`it took longer than ${ms} ms ${what}`);
    }, ms);
  }

  #kill(reason: string): void {
    this.#finish(reason);
    this.forgetIfOver();
    this.#child.kill();
  }

  #tell(line: string): void {
    this.#channel?.write(`${line}\n`);
  }

  #listen(): void {
    const { topic, maxBytes } = this.#run;
    const lines = new Lines(maxBytes + OVERHEAD_BYTES, (line, cut) => {
      if (cut) this.#kill(`it sent more than ${maxBytes} bytes (maxBytes)`);
      else this.#received(line);
    });
    this.#channel?.on('data', lines.push).on('error', () => {}); // The process has ended, which is seen elsewhere.
    for (const output of ['stdout', 'stderr'] as const) {
      const log = (message: string): void =>
        this.#lines.log({ level: 'info', fields: { topic, output }, message });
      this.#child.process[output]?.on('data', new Lines(PRINTED_BYTES, log).push);
    }
  }

  #received(line: string): void {
    const [word = '', id] = line.split(' ', 2);
    const text = line.slice(word.length + 1);
    switch (word) {
      case 'ready':
        return void this.#load();
      case 'loaded':
        clearTimeout(this.#loadTimer);
        return this.#loaded.resolve(text);
      case 'fatal':
      case 'unloadable':
        return this.#finish(sentence(text));
      case 'payload':
        if (Number(id) === this.#calls) this.#call?.resolve(text.slice(id!.length + 1));
        return undefined;
      case 'failed':
        if (Number(id) === this.#calls) this.#call?.reject(new Error(sentence(text.slice(id!.length + 1))));
        return undefined;
      case 'log':
        return this.#log(text);
      default:
        return undefined; // The module itself has written there.
    }
  }

  /** Node has started: now its memory can be bounded, and the module be loaded. */
  async #load(): Promise<void> {
    await boundMemory(this.#child.pid);
    this.#loadTimer = this.#limitLoad(this.#run.timeoutMs, '(timeout)');
    this.#tell('load');
  }

  #log(json: string): void {
    const line = readLine(json);
    const { topic } = this.#run;
    if (line) this.#lines.log({ ...line, fields: { ...line.fields, topic } });
  }

  /** It has ended, or is about to: fails what is under way, and whatever comes next, with the first reason. */
  #finish(reason: string): void {
    this.#over ??= `${reason}${outOfMemory(this.#child.stderr)}`;
    clearTimeout(this.#loadTimer);
    this.#loaded.reject(new Error(`${this.#run.path} cannot be loaded: ${this.#over}`));
    this.#call?.reject(new Error(`the module failed: ${this.#over}`));
  }
}

/** What a module's process sent as JSON text. */
function sentence(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json; // The module itself has written there.
  }
}
