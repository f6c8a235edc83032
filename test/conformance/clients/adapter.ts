import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { Inbox } from '../../helpers/inbox.ts';
import { Splitter } from '../../helpers/splitter.ts';
import type { Transcript } from './transcript.ts';

/** What an adapter writes: docs/conformance.md. */
export type AdapterEvent = { on: string } & Record<string, unknown>;

/** A message as the client under test reports it. */
export interface Reported extends AdapterEvent {
  on: 'message';
  topic: string;
  seq: number;
  data: unknown;
  missed: number;
}

/** The client under test, in a process of its own, behind its adapter. */
export class Adapter implements AsyncDisposable {
  readonly events = new Inbox<AdapterEvent>();
  readonly #child: ChildProcess;
  readonly #transcript: Transcript;
  readonly #ended: Promise<number | NodeJS.Signals>;

  /** @param command For `sh -c`. */
  constructor(command: string, env: NodeJS.ProcessEnv, transcript: Transcript) {
    this.#transcript = transcript;
    // A process group, so that nothing of it is left behind.
    this.#child = spawn('sh', ['-c', command], { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child.stdin!.on('error', () => {}); // It has ended; its exit tells.
    this.#lines(this.#child.stdout!, (line) => this.#take(line));
    this.#lines(this.#child.stderr!, (line) => transcript.add('stderr', line));
    this.#ended = once(this.#child, 'close').then(([code, signal]) => {
      const how = (code ?? signal) as number | NodeJS.Signals;
      transcript.add('adapter', `has ended with ${how}`);
      this.events.end(`the adapter has ended with ${how}`);
      return how;
    });
  }

  /** Resolves with the exit code, or the name of the signal. */
  get ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  /** Gives a command. */
  tell(command: { do: string } & Record<string, unknown>): void {
    const line = JSON.stringify(command);
    this.#transcript.add('suite >', line);
    this.#child.stdin!.write(`${line}\n`);
  }

  /** The first event of a kind, from index `from` of those that came, with these fields. */
  event(on: string, fields: Record<string, unknown> = {}, from = 0): Promise<AdapterEvent> {
    return this.events.find(
      (event) => event.on === on && Object.entries(fields).every(([key, value]) => event[key] === value),
      from,
    );
  }

  /** The first `count` messages of a topic; of all topics if none is named. */
  async messages(count: number, topic?: string): Promise<Reported[]> {
    const isWanted = (event: AdapterEvent) =>
      event.on === 'message' && (topic === undefined || event['topic'] === topic);
    return (await this.events.take(count, isWanted)) as Reported[];
  }

  /** All messages so far. */
  get heard(): Reported[] {
    return this.events.items.filter(({ on }) => on === 'message') as Reported[];
  }

  /** How many events of a kind have come so far. */
  count(on: string): number {
    return this.events.items.filter((event) => event.on === on).length;
  }

  /** Sends a signal to all of its processes. */
  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#child.pid!, signal);
    } catch {
      // It has ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  #take(line: string): void {
    this.#transcript.add('client <', line);
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      return this.events.end(`the adapter wrote a line that is not JSON: ${line.slice(0, 200)}`);
    }
    this.events.push(event as AdapterEvent);
  }

  #lines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
    const splitter = new Splitter('\n');
    stream.setEncoding('utf8').on('data', (text: string) => {
      for (const line of splitter.push(text)) take(line);
    });
  }
}
