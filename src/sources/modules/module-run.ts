import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Logger } from '../../log.ts';
import { Child } from '../processes/child.ts';
import { failureOf } from '../processes/command-run.ts';
import { LineBudget } from '../processes/line-budget.ts';
import { Lines } from '../processes/lines.ts';
import { HEAP_MIB, boundMemory, outOfMemory } from './module-memory.ts';
import { readMessage } from './module-messages.ts';
import type { ModuleTask } from './module-process.ts';
import type { Reader } from '../processes/paced.ts';
import { takePlace } from '../processes/places.ts';

/** A module that is called for a source. */
export interface ModuleRun extends ModuleTask {
  directory: string;
  env: Record<string, string | undefined>;
  timeoutMs: number;
  /** Gets what the module logs and prints. */
  logger: Logger;
}

/** How long Node itself may take to start, in milliseconds. */
const START_MS = 20_000;
/** How long a call may go on after its signal has aborted before its process is killed, in milliseconds. */
const ABORT_MS = 200;
/** What an answer has beside a payload of `maxBytes`, at most. */
const OVERHEAD_BYTES = 64 * 1024;
/** Longest line of what a module prints that is logged, in bytes. */
const PRINTED_BYTES = 1024;

const program = fileURLToPath(new URL(`module-process${extname(import.meta.filename)}`, import.meta.url));
const flags = [`--max-old-space-size=${HEAP_MIB}`, '--max-semi-space-size=2', '--no-warnings'];

/** The process of one module, see module-process.ts. */
export class ModuleRunner {
  readonly #run: ModuleRun;
  readonly #child: Child;
  readonly #lines: LineBudget;
  readonly #loaded = Promise.withResolvers<string>();
  #loadTimer: NodeJS.Timeout;
  #call: PromiseWithResolvers<string> | undefined;
  /** Which call is the latest: what a module sends for an earlier one is ignored. */
  #calls = 0;
  /** Why it ends or has ended, if it does. */
  #over: string | undefined;
  #wasKilled = false;

  /** @throws if an earlier process of the same module still hangs. */
  static async start(run: ModuleRun, purpose: 'check' | 'call'): Promise<ModuleRunner> {
    const place = await takePlace(`${run.topic}\0${run.path}\0${purpose}`);
    const started = new ModuleRunner(run);
    place.hold(started.#child);
    return started;
  }

  private constructor(run: ModuleRun) {
    this.#run = run;
    const { path, topic, maxBytes, directory, env, logger } = run;
    const task: ModuleTask = { path, topic, maxBytes };
    this.#lines = new LineBudget('the module', ({ level, fields, message }) =>
      logger[level](fields, message),
    );
    const argv = [process.execPath, ...flags, program, JSON.stringify(task)];
    const readers = {
      stdout: this.#printed('stdout'),
      stderr: this.#printed('stderr'),
      channel: new Lines(maxBytes + OVERHEAD_BYTES, (line, cut) => {
        if (cut) this.#kill(`it sent more than ${maxBytes} bytes (maxBytes)`);
        else this.#received(String(line));
      }).push,
    };
    this.#child = new Child({ argv, directory, env, readers });
    this.#loaded.promise.catch(() => {}); // It may end before anything waits for it.
    this.#loadTimer = this.#limitLoad(START_MS, 'to start Node');
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

  /** It has ended, or is about to: no call will succeed any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** It was killed, so that some call has failed already. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** Resolves when no call is under way, not even one that has taken too long. */
  async idle(): Promise<void> {
    await this.#call?.promise.catch(() => {});
  }

  end(): void {
    this.#over ??= 'the module is no longer needed';
    this.#child.end();
  }

  /**
   * Calls the module. When it takes too long or `signal` aborts, its own signal aborts; if it goes on, it is killed.
   * @returns the payload as JSON.
   */
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
    this.#wasKilled = true;
    this.#finish(reason);
    this.#child.kill();
    this.#child.closeOutput();
  }

  #tell(line: string): void {
    this.#child.send(`${line}\n`);
  }

  /** Logs the lines of what it prints. */
  #printed(output: 'stdout' | 'stderr'): Reader {
    const fields = { topic: this.#run.topic, output };
    return new Lines(PRINTED_BYTES, (line) =>
      this.#lines.log({ level: 'info', fields, message: String(line) }),
    ).push;
  }

  #received(text: string): void {
    const message = readMessage(text);
    switch (message?.word) {
      case 'ready':
        return void this.#load();
      case 'loaded':
        clearTimeout(this.#loadTimer);
        return this.#loaded.resolve(message.stamp);
      case 'over':
        return this.#finish(message.reason);
      case 'payload':
        if (message.call === this.#calls) this.#call?.resolve(message.json);
        return undefined;
      case 'failed':
        if (message.call === this.#calls) this.#call?.reject(new Error(message.reason));
        return undefined;
      case 'log': {
        const fields = { ...message.line.fields, topic: this.#run.topic };
        return this.#lines.log({ ...message.line, fields });
      }
      case undefined:
        return undefined;
      default:
        return message satisfies undefined;
    }
  }

  /** Node has started: now its memory can be bounded, and the module be loaded. */
  async #load(): Promise<void> {
    await boundMemory(this.#child.pid);
    this.#loadTimer = this.#limitLoad(this.#run.timeoutMs, '(timeout)');
    this.#tell('load');
  }

  /** It has ended, or is about to: fails what is under way, and whatever comes next, with the first reason. */
  #finish(reason: string): void {
    this.#over ??= `${reason}${outOfMemory(this.#child.stderr)}`;
    clearTimeout(this.#loadTimer);
    this.#loaded.reject(new Error(`${this.#run.path} cannot be loaded: ${this.#over}`));
    this.#call?.reject(new Error(`the module failed: ${this.#over}`));
  }
}
