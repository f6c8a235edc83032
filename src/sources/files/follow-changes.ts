import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import type { EventFields } from '../../log-events.ts';
import { lookUp } from '../../linux/look-up.ts';
import { routeTo } from './route.ts';
import type { Route } from './route.ts';
import { RouteWatch } from './route-watch.ts';
import type { Fault } from './route-watch.ts';
import type { Source, SourceContext } from '../source.ts';

/** How long a change is left alone, in milliseconds: more of it may follow. */
const SETTLE_MS = 50;
/** Shortest time between two samples, in milliseconds. */
const APART_MS = 100;
/** How long a file can be empty or gone, in milliseconds, while a program writes it anew. */
const REWRITE_MS = 200;
/** How often the way to a file is looked up without an event, in milliseconds: mounts cause none. */
const LOOK_MS = 60_000;
/** The same, at first, if only the disk knows the way. Samples have the kernel remember it. Doubles each time. */
const DISK_MS = 100;

/** Limits of the system that are in the log: they concern all topics alike. */
const toldLimits = new Set<string>();

/**
 * Follows the changes of a file, or of a directory and the files in it: of content, of names, and of each link and
 * directory on the way there, also of those that come later. What inotify does not report is said in the log.
 */
export function followChanges(path: string, { topic, logger }: SourceContext): NonNullable<Source['watch']> {
  const loading = import('../../linux/local-file.ts').then(
    (local) => local.lookUpWithoutWait,
    () => lookUp, // No koffi.
  );
  return (signal, changed) => {
    const told = new Set<string>();
    const tell = ({ key, isLimit = false, error }: Fault): void => {
      const said = isLimit ? toldLimits : told;
      if (said.has(key)) return;
      said.add(key);
      const fields = { event: 'watch-incomplete', topic, path, error } satisfies EventFields;
      logger.warn(fields, 'some changes are noticed only at the next tick');
    };
    const begin = async (): Promise<void> => {
      const look = await loading;
      const open = (): RouteWatch => new RouteWatch(() => routeTo(path, look), tell);
      if (!signal.aborted) await new Pursuit(open, changed, tell, signal).run();
    };
    void begin();
  };
}

/** Follows one path while its topic is awake. */
class Pursuit {
  readonly #open: () => RouteWatch;
  readonly #changed: () => void;
  readonly #tell: (fault: Fault) => void;
  readonly #signal: AbortSignal;
  #watch: RouteWatch;
  #toldAt = -Infinity;
  #diskMs = DISK_MS;

  constructor(
    open: () => RouteWatch,
    changed: () => void,
    tell: (fault: Fault) => void,
    signal: AbortSignal,
  ) {
    this.#open = open;
    this.#changed = changed;
    this.#tell = tell;
    this.#signal = signal;
    this.#watch = open();
  }

  async run(): Promise<void> {
    const stop = (): void => this.#watch.close();
    this.#signal.addEventListener('abort', stop);
    let wasWhole = false;
    while (!this.#signal.aborted) {
      if (wasWhole) await this.#rewriting();
      wasWhole = !isHollow(this.#watch.route);
      this.#toldAt = performance.now();
      this.#changed();
      await this.#change();
    }
    stop();
  }

  /** Gives a program that writes the file anew some time for it. */
  async #rewriting(): Promise<void> {
    const deadline = performance.now() + REWRITE_MS;
    while (isHollow(this.#watch.route) && !this.#signal.aborted) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      if (await this.#watch.event(left)) await this.#settle();
      this.#renew();
    }
  }

  /** Waits until something has changed, or may have. */
  async #change(): Promise<void> {
    while (!this.#signal.aborted) {
      const { route } = this.#watch;
      const isUnknown = route.end.kind === 'unknown';
      this.#diskMs = isUnknown ? Math.min(2 * this.#diskMs, LOOK_MS) : DISK_MS;
      if (this.#diskMs === LOOK_MS)
        this.#tell({ key: 'unknown', error: `${route.end.path} cannot be looked up: its disk is too slow` });
      const hasEvent = await this.#watch.event(isUnknown ? this.#diskMs : LOOK_MS);
      if (hasEvent) await this.#settle();
      this.#renew();
      if (hasEvent || isUnknown || !isDeepStrictEqual(route, this.#watch.route)) return;
    }
  }

  /** Waits for further changes, and so that a file that changes all the time is not sampled all the time. */
  async #settle(): Promise<void> {
    const ms = Math.max(SETTLE_MS, this.#toldAt + APART_MS - performance.now());
    await pause(ms, undefined, { signal: this.#signal, ref: false }).catch(() => {}); // It has been aborted.
  }

  /** Leaves no gap: what changes from now on is an event of the new one. */
  #renew(): void {
    if (this.#signal.aborted) return;
    const former = this.#watch;
    this.#watch = this.#open();
    former.close();
  }
}

/** Reports whether there is no content: a file is often cut off or removed in order to be written anew. */
function isHollow({ end }: Route): boolean {
  return end.kind === 'nothing' || (end.kind === 'file' && end.size === 0);
}
