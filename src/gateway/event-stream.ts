import type { ServerResponse } from 'node:http';

import type { Client, Message } from '../client/api.ts';
import type { Failing } from '../protocol/messages.ts';
import type { State } from '../client/connection-state.ts';
import type { ResumeFrom } from '../client/options.ts';
import { ChimedError } from '../errors.ts';

/** A comment is sent after so long, in milliseconds, so that proxies and half-open connections show. */
const HEARTBEAT_MS = 15_000;
/** What waits for a reader that is briefly slow. */
const BUFFER = { buffer: 256, bufferBytes: 65_536 };
/** A reader that is slow for longer costs nothing more: its subscription ends, and resumes when it has read. */
const SLOW_MS = 1000;
/** A reader that takes nothing for so long is disconnected, in milliseconds. */
const STALL_MS = 30_000;
/** How soon a browser connects again, in milliseconds. */
const RETRY_MS = 2000;

/** What a stream is made of. */
export interface StreamOptions {
  patterns: readonly string[];
  /** The last message that the reader has. @default none */
  resume: ResumeFrom | undefined;
  connect: (resume: ResumeFrom | undefined) => Client;
}

/**
 * Sends the messages of topics as server-sent events, until the reader leaves. Each message's id is the daemon's instance and
 * the message's offset: one that resumes all topics.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #options: StreamOptions;
  #last: ResumeFrom | undefined;
  #began = false;
  /** Since when the source of a topic fails, in milliseconds since the epoch. */
  readonly #failing = new Map<string, number>();
  #client: Client | undefined;
  #isReadyUntold = false;

  constructor(response: ServerResponse, options: StreamOptions) {
    this.#response = response;
    this.#options = options;
    this.#last = options.resume;
  }

  /**
   * Resolves when the reader has left, or the daemon takes the topics away.
   * @throws {ChimedError} what the daemon refuses the topics with, if nothing was sent yet.
   */
  async run(): Promise<void> {
    const heartbeat = setInterval(() => this.#write(':\n\n'), HEARTBEAT_MS).unref();
    const leave = (): void => void this.#client?.close();
    this.#response.once('close', leave);
    try {
      while (!this.#response.closed) {
        await this.#listen();
        await this.#drained(STALL_MS);
      }
    } catch (error) {
      if (!this.#began || !(error instanceof ChimedError)) throw error;
      this.#event('refused', { code: error.code, message: error.message });
      this.#response.end();
    } finally {
      clearInterval(heartbeat);
      this.#response.off('close', leave);
    }
  }

  /** Sends messages until the reader is slow, or leaves. */
  async #listen(): Promise<void> {
    const client = this.#options.connect(this.#last);
    this.#client = client;
    this.#follow(client);
    try {
      for await (const message of client.listen(this.#options.patterns, BUFFER)) {
        this.#message(message);
        if (this.#response.writableNeedDrain && !(await this.#drained(SLOW_MS))) return;
        if (this.#response.closed) return;
      }
    } finally {
      await client.close();
    }
  }

  #follow(client: Client): void {
    client.on('state', (state) => this.#state(state));
    client.on('failing', (failing) => this.#fails(failing));
    client.on('recovered', (recovered) => {
      this.#failing.delete(recovered.topic);
      this.#event('recovered', recovered);
    });
    client.on('uncounted', () => this.#event('missed', { missed: null }));
  }

  #state(state: State): void {
    if (state.status === 'ready') {
      // Topics that were refused just before end the stream before this is told: their error is the answer.
      this.#isReadyUntold = true;
      setImmediate(() => this.#tellReady());
    } else if (state.status === 'waiting')
      this.#event('state', { status: 'waiting', reason: state.error.message });
  }

  #tellReady(): void {
    if (!this.#isReadyUntold) return;
    this.#isReadyUntold = false;
    this.#event('state', { status: 'ready' });
  }

  #fails(failing: Failing): void {
    this.#failing.set(failing.topic, failing.since);
    this.#event('failing', failing);
  }

  #message({ topic, seq, time, data, missed, offset, instance, stale }: Message): void {
    this.#tellReady();
    if (missed > 0) this.#event('missed', { topic, missed });
    // It waited here while the source began to fail.
    const isStale = stale ?? time <= (this.#failing.get(topic) ?? -Infinity);
    const json = JSON.stringify({ topic, seq, time, data, ...(isStale && { stale: true }) });
    if (offset !== undefined) this.#last = { instance, offset };
    const id = offset === undefined ? '' : `id: ${instance}:${offset}\n`;
    this.#write(`${id}data: ${json}\n\n`);
  }

  #event(name: string, data: object): void {
    this.#tellReady();
    this.#write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (this.#response.closed || this.#response.writableEnded) return;
    if (!this.#began) {
      this.#began = true;
      this.#response.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'X-Accel-Buffering': 'no',
      });
      this.#response.write(`retry: ${RETRY_MS}\n\n`);
    }
    this.#response.write(text);
  }

  /** Resolves with whether the reader has taken all; disconnects it if it takes nothing for the stall timeout. */
  async #drained(ms: number): Promise<boolean> {
    if (!this.#response.writableNeedDrain) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const drained = (): void => resolve(true);
    const left = (): void => resolve(false);
    const timer = setTimeout(left, ms);
    this.#response.once('drain', drained).once('close', left);
    const isDrained = await promise;
    clearTimeout(timer);
    this.#response.off('drain', drained).off('close', left);
    if (!isDrained && ms === STALL_MS) this.#response.destroy();
    return isDrained;
  }
}

/** Reads what a reader says that it has: the id of its last event. @returns undefined if it is none of ours. */
export function resumeFrom(id: string | undefined): ResumeFrom | undefined {
  const [, instance, offset] = /^([\w-]{1,64}):(\d{1,16})$/.exec(id ?? '') ?? [];
  return instance === undefined ? undefined : { instance, offset: Number(offset) };
}
