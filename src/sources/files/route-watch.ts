import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { messageOf, systemCode } from '../../errors.ts';
import type { Route } from './route.ts';

/** Events of one file or directory that are looked at. After them, it counts as changed and is watched no more. */
const MAX_EVENTS = 100;

/** Why some changes are not noticed. */
export interface Fault {
  /** What kind of fault it is. */
  key: string;
  error: string;
  /** All topics have it. */
  isLimit?: boolean;
}

/**
 * inotify on all that a route depends on. The first event is of use. A few more are let pass, since to end a watch costs
 * more: to begin one again, the kernel goes through all names of the directory that it remembers.
 */
export class RouteWatch {
  readonly route: Route;
  readonly #watchers: FSWatcher[] = [];
  #hasEvent = false;
  #ring = (): void => {};

  /**
   * @param look Follows the route as it is now.
   * @param tell Told of what cannot be watched.
   */
  constructor(look: () => Route, tell: (fault: Fault) => void) {
    const route = (this.route = look());
    for (const [path, names] of watched(route)) {
      try {
        this.#watch(path, names);
      } catch (error) {
        const code = systemCode(error);
        // It has changed since it was looked up.
        if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') this.#happen();
        else tell(faultOf(path, code, error));
      }
    }
    // A link that was changed before its directory was watched has left us on the wrong way.
    if (!isDeepStrictEqual(route, look())) this.#happen();
    const { end } = route;
    if (end.kind === 'too-long')
      tell({ key: end.kind, error: `the links on the way to ${end.path} make it too long to be watched` });
    if (end.kind === 'foreign')
      tell({ key: end.kind, error: `${end.path} is on ${end.type}, which does not report changes` });
  }

  get hasEvent(): boolean {
    return this.#hasEvent;
  }

  /** Waits for the first event. @returns false if none comes within `timeoutMs`, or before it is closed. */
  async event(timeoutMs: number): Promise<boolean> {
    if (!this.#hasEvent) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs).unref();
      this.#ring = resolve;
      await promise;
      clearTimeout(timer);
    }
    return this.#hasEvent;
  }

  close(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    this.#ring();
  }

  #watch(path: string, names: ReadonlySet<string> | undefined): void {
    const own = basename(path); // What happens to the directory itself has this name.
    let events = 0;
    const watcher = watch(path, { persistent: false }, (_, name) => {
      const isTooMany = ++events > MAX_EVENTS;
      if (isTooMany) watcher.close();
      if (isTooMany || names === undefined || name === null || name === own || names.has(name))
        this.#happen();
    });
    watcher.on('error', () => this.#happen());
    this.#watchers.push(watcher);
  }

  #happen(): void {
    this.#hasEvent = true;
    this.#ring();
  }
}

/** What a route depends on: names in directories; undefined for whatever happens there. */
function watched({ steps, end }: Route): Map<string, Set<string> | undefined> {
  const all = new Map<string, Set<string> | undefined>();
  for (const { directory, name } of steps) {
    const names = all.get(directory) ?? new Set();
    all.set(directory, names.add(name));
  }
  // A file can also be written under another name: a hard link, or a bind mount.
  if (end.kind === 'directory' || end.kind === 'file') all.set(end.path, undefined);
  return all;
}

function faultOf(path: string, code: string | undefined, error: unknown): Fault {
  switch (code) {
    case 'ENOSPC':
      return {
        key: code,
        isLimit: true,
        error: `${path} cannot be watched: the user has no inotify watches left; raise fs.inotify.max_user_watches (sysctl)`,
      };
    case 'EMFILE':
      return {
        key: code,
        isLimit: true,
        error: `${path} cannot be watched: the user has no inotify instances left; raise fs.inotify.max_user_instances (sysctl)`,
      };
    case 'EACCES':
      return {
        key: code,
        error: `${path} cannot be watched: permission denied; the user of the daemon needs read permission`,
      };
    default:
      return { key: code ?? '', error: `${path} cannot be watched: ${messageOf(error)}` };
  }
}
