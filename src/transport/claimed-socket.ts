import { lstatSync, unlinkSync, watch } from 'node:fs';
import type { FSWatcher, Stats } from 'node:fs';
import type { Server } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { ChimedError, messageOf } from '../errors.ts';
import { sameFile } from './lock-file.ts';
import type { Lock } from './lock-file.ts';
import type { LogEvent } from '../log-events.ts';
import type { Bind } from './socket-binding.ts';
import type { SocketFile, SocketOptions } from './socket-file.ts';

/** How a path is claimed, and claimed again. */
export interface Claim {
  /** Makes the directory, and takes the lock. */
  lock: () => Promise<Lock>;
  /** The stale socket at the path, if there is one; throws if something else is there. */
  stale: () => Promise<Stats | undefined>;
}

/** How often the path is looked at, in ms: a directory that is renamed is noticed by nothing else. */
const LOOK_MS = 5000;
/** How long a removal may take, in ms: who removes the directory removes the socket in it first. */
const SETTLE_MS = 100;
/** How long the socket may be gone before the daemon gives up, in ms. */
const GIVE_UP_MS = 60_000;
/** What says that something else is at the path, which is not ours to remove. */
const OCCUPIED = ['not-a-socket', 'socket-in-use', 'not-permitted'];

/** A socket that we bind ourselves, at a path that the lock beside it makes ours. */
export class ClaimedSocket implements SocketFile {
  readonly path: string;
  readonly #options: SocketOptions;
  readonly #claim: Claim;
  readonly #bind: Bind;
  #lock: Lock;
  /** The only file that `open` may replace. */
  #stale: Stats | undefined;
  #made: Stats | undefined;
  #reopen: (() => Promise<void>) | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #mending = false;
  #goneSince: number | undefined;
  #released = false;

  constructor(
    options: SocketOptions,
    claim: Claim,
    { lock, stale }: { lock: Lock; stale: Stats | undefined },
    bind: Bind,
  ) {
    this.path = options.path;
    this.#options = options;
    this.#claim = claim;
    this.#bind = bind;
    this.#lock = lock;
    this.#stale = stale;
  }

  open(server: Server): void {
    if (this.#stale && sameFile(this.#stale, this.#found())) unlinkSync(this.path);
    this.#made = this.#bind(server, this.#options);
    this.#watch();
  }

  keep(reopen: () => Promise<void>): void {
    this.#reopen = reopen;
    this.#watch();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  release(): void {
    this.#released = true;
    clearInterval(this.#timer);
    this.#watcher?.close();
    if (this.#isMadeInPlace()) unlinkSync(this.path);
    this.#lock.release();
  }

  #found(): Stats | undefined {
    return lstatSync(this.path, { throwIfNoEntry: false });
  }

  #isMadeInPlace(): boolean {
    return sameFile(this.#made, this.#found());
  }

  /** Of the socket alone: whatever else happens in its directory would wake us. */
  #watch(): void {
    if (!this.#reopen) return;
    this.#watcher?.close();
    try {
      this.#watcher = watch(this.path, { persistent: false }, () => this.#look());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Systems with kqueue cannot watch a socket; there, the next look notices.
    }
  }

  #look(): void {
    if (this.#mending || this.#released || (this.#isMadeInPlace() && this.#lock.inPlace())) return;
    this.#mending = true;
    // A rejection is the daemon's end, see `keep`.
    void this.#mend().finally(() => (this.#mending = false));
  }

  async #mend(): Promise<void> {
    await wait(SETTLE_MS);
    if (this.#released) return;
    const first = this.#goneSince === undefined;
    this.#goneSince ??= performance.now();
    try {
      if (!this.#lock.inPlace()) await this.#lockAgain();
      if (!this.#released && !this.#isMadeInPlace()) await this.#makeAgain(first);
      this.#goneSince = undefined;
    } catch (error) {
      this.#failed(error, first);
    }
  }

  /** @throws {ChimedError} `socket-in-use` if another daemon was faster. */
  async #lockAgain(): Promise<void> {
    const lock = await this.#claim.lock();
    if (this.#released) return lock.release();
    if (this.#isMadeInPlace())
      this.#log('lock-gone', 'the lock beside the socket was removed: it is recreated');
    this.#lock.release();
    this.#lock = lock;
  }

  async #makeAgain(first: boolean): Promise<void> {
    this.#stale = await this.#claim.stale();
    await this.#reopen!();
    if (first) this.#log('socket-gone', 'the socket is gone: it was removed, and is recreated');
  }

  #failed(error: unknown, first: boolean): void {
    const isOurs = this.#lock.inPlace();
    const message = messageOf(error);
    if (!isOurs && error instanceof ChimedError && error.code === 'socket-in-use') {
      throw new ChimedError('socket-in-use', `the socket was removed, and now ${message}`, { cause: error });
    }
    if (isOurs && error instanceof ChimedError && OCCUPIED.includes(error.code)) {
      if (first)
        this.#log(
          'socket-gone',
          'the socket is gone: another file has its path, and new clients cannot connect',
          message,
        );
      return;
    }
    if (performance.now() - this.#goneSince! > GIVE_UP_MS) throw error;
    if (first)
      this.#log(
        'socket-gone',
        'the socket is gone: it cannot be recreated; the daemon retries for a minute',
        message,
      );
  }

  #log(event: LogEvent, message: string, error?: string): void {
    this.#options.logger.error({ event, socket: this.path, ...(error !== undefined && { error }) }, message);
  }
}
