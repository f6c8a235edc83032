import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Way } from './attacks.ts';

/** Reports whether there can be clients of other users here. */
export const canBeOthers = process.getuid?.() === 0;

/** A process of hostile clients. */
export class Hostile implements AsyncDisposable {
  readonly #child: ChildProcess;

  /** @param ways What they do, each of them one. @param user Which other user they are, from 1: each has a uid of its own, if root runs us. */
  static async start(socket: string, ways: readonly Way[], count: number, user = 1): Promise<Hostile> {
    const uid = canBeOthers ? 61_000 + user : undefined;
    const hostile = new Hostile(JSON.stringify({ socket, ways, count, uid }));
    await once(hostile.#child, 'message');
    return hostile;
  }

  private constructor(argument: string) {
    this.#child = fork(new URL('hostile-process.ts', import.meta.url), [argument]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
