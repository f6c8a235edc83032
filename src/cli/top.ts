import { setTimeout as wait } from 'node:timers/promises';

import type { Client } from '../client/api.ts';
import { connect } from '../client/client.ts';
import type { State } from '../client/connection-state.ts';
import { silent } from '../log.ts';
import { isPassing } from './exit-codes.ts';
import { hurryOutput, outputEnd, print } from './standard-output.ts';
import { renderOnce, renderScreen, rowsOf } from './top/frame.ts';
import type { ConnectionNote, Shown } from './top/frame.ts';
import { FullScreen } from './top/full-screen.ts';
import type { TopicSort } from './top/listing.ts';
import { Model } from './top/model.ts';
import { paintFor } from './top/paint.ts';
import { TopView } from './top/view.ts';

/** Columns of `--once` where there is no terminal. */
const PIPE_COLUMNS = 100;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface TopOptions {
  socket?: string;
  intervalMs: number;
  sort?: TopicSort;
  color: boolean;
}

/** One frame, after one interval. */
export async function printTop(patterns: readonly string[], options: TopOptions): Promise<void> {
  await using top = new Top(patterns, options, false);
  await top.print();
}

/** Shows frame after frame on the terminal, until the user quits or a signal comes. */
export async function watchTop(patterns: readonly string[], options: TopOptions): Promise<void> {
  await using top = new Top(patterns, options, true);
  await top.watch();
}

class Top implements AsyncDisposable {
  readonly #patterns: readonly string[];
  readonly #intervalMs: number;
  readonly #client: Client;
  readonly #model = new Model();
  readonly #shown: Shown;
  readonly #ended = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #isAsking = false;
  /** Why the last status did not come, although the connection stands. */
  #failure: Error | undefined;

  constructor(patterns: readonly string[], { socket, intervalMs, sort, color }: TopOptions, retry: boolean) {
    this.#patterns = patterns;
    this.#intervalMs = intervalMs;
    this.#client = connect({
      name: 'chimed top',
      logger: silent, // The screen says it.
      ...(socket !== undefined && { socket }),
      ...(!retry && { retry: false }),
    });
    this.#shown = {
      model: this.#model,
      view: new TopView(sort),
      connection: this.#client.state,
      paint: paintFor(process.stdout, color),
      now: Date.now(),
    };
    this.#ended.promise.catch(() => {}); // Whoever waits for it hears of it.
    for (const signal of SIGNALS) process.once(signal, this.#quit).once(signal, hurryOutput);
    outputEnd.addEventListener('abort', this.#quit);
  }

  async print(): Promise<void> {
    void this.#listen();
    await Promise.race([this.#printOnce(), this.#ended.promise]);
  }

  async watch(): Promise<void> {
    using screen = new FullScreen(process.stdin, process.stdout, {
      key: (text, key) => {
        const asked = this.#shown.view.press(text, key, rowsOf(this.#shown, screen.size));
        if (asked === 'quit') this.#quit();
        else if (asked === 'suspend') screen.suspend();
        else if (asked === 'redraw') screen.redraw();
        else this.#draw(screen);
      },
      redraw: () => this.#draw(screen),
    });
    screen.open();
    void this.#listen();
    this.#client.on('state', (state) => this.#stateChanged(state, screen));
    const timer = setInterval(() => this.#tick(screen), this.#intervalMs);
    try {
      await this.#ended.promise;
    } finally {
      clearInterval(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#client.close();
  }

  readonly #quit = (): void => this.#ended.resolve();

  async #listen(): Promise<void> {
    const patterns = this.#patterns.length > 0 ? this.#patterns : ['>'];
    try {
      for await (const message of this.#client.listen(patterns)) this.#model.hear(message);
    } catch (error) {
      this.#ended.reject(error); // A topic that does not exist, or that this user may not hear.
    }
  }

  async #printOnce(): Promise<void> {
    await this.#update();
    await wait(this.#intervalMs, undefined, { signal: this.#stop.signal }).catch(() => {}); // Stopped: nobody waits.
    await this.#update();
    Object.assign(this.#shown, { connection: this.#client.state, now: Date.now() });
    const { isTTY, columns } = process.stdout;
    const lines = renderOnce(this.#shown, isTTY ? columns : PIPE_COLUMNS);
    await print(`${lines.join('\n')}\n`);
  }

  #stateChanged(state: State, screen: FullScreen): void {
    if (state.status === 'waiting' && state.error.code === 'not-permitted') this.#ended.reject(state.error);
    if (state.status === 'ready') this.#tick(screen);
    else this.#draw(screen);
  }

  /** Asks for a new status if there can be one, and draws. */
  #tick(screen: FullScreen): void {
    const isReady = this.#client.state.status === 'ready';
    if (!isReady || this.#isAsking || this.#shown.view.isPaused) return this.#draw(screen);
    this.#isAsking = true;
    this.#update()
      .then(
        () => (this.#failure = undefined),
        (error: unknown) => {
          if (!isPassing(error)) return this.#ended.reject(error);
          this.#failure = error;
        },
      )
      .finally(() => {
        this.#isAsking = false;
        this.#draw(screen);
      });
  }

  async #update(): Promise<void> {
    const status = await this.#client.status(this.#patterns.length > 0 ? { topics: this.#patterns } : {});
    if (!this.#shown.view.isPaused) this.#model.update(status, Date.now());
  }

  #draw(screen: FullScreen): void {
    const { view } = this.#shown;
    this.#shown.connection = this.#connection();
    if (!view.isPaused) this.#shown.now = Date.now();
    screen.draw(renderScreen(this.#shown, screen.size));
  }

  #connection(): ConnectionNote {
    const { state } = this.#client;
    // While it dials again, the reason of the last failure is still the reason.
    if (state.status === 'connecting') return { ...this.#shown.connection, status: 'connecting' };
    if (state.status === 'ready' && this.#failure) return { status: 'ready', error: this.#failure };
    return state;
  }
}
