import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { onClientsCore } from './conditions.ts';
import type { Command, Heard } from './programs/receiver.ts';
import type { Server } from './server.ts';

/** Many clients of one server, in a process of their own. */
export class Audience implements AsyncDisposable {
  readonly #receiver: ChildProcess;

  /** Connects so many clients that hear all topics, and waits until each of them is heard, or has heard something. */
  static async gather(server: Server, clients: number): Promise<Audience> {
    const { system, place, drive } = server;
    const args = [system.name, JSON.stringify(place), JSON.stringify(drive), String(clients)];
    const [execPath, ...execArgv] = [...onClientsCore(), process.execPath];
    const receiver = join(import.meta.dirname, 'programs/receiver.ts');
    const audience = new Audience(fork(receiver, args, { execPath: execPath!, execArgv }));
    await audience.#answer();
    return audience;
  }

  private constructor(receiver: ChildProcess) {
    this.#receiver = receiver;
  }

  /** Listens for a while. */
  async listen(seconds: number): Promise<Heard> {
    this.#receiver.send({ listenSeconds: seconds } satisfies Command);
    return (await this.#answer()) as Heard;
  }

  async #answer(): Promise<unknown> {
    const gone = once(this.#receiver, 'exit').then(() => Promise.reject(new Error('the receiver ended')));
    const [answer] = (await Promise.race([once(this.#receiver, 'message'), gone])) as [unknown];
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#receiver.exitCode !== null) return;
    this.#receiver.kill('SIGKILL');
    await once(this.#receiver, 'exit');
  }
}
