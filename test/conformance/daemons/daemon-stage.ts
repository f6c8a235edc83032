import { chmodSync } from 'node:fs';

import { has } from '../../helpers/programs-here.ts';
import { Stranger } from '../../helpers/stranger.ts';
import type { DaemonPool } from './daemon-pool.ts';
import { DaemonProcess } from './daemon-process.ts';
import type { Settings, SharedDaemon } from './daemon-settings.ts';
import { DaemonUnderTest } from './daemon-under-test.ts';
import type { Data } from './raw-peer.ts';

/** What a case is played on: a daemon that it shares with other cases, or daemons of its own. */
export class DaemonStage implements AsyncDisposable {
  readonly #pool: DaemonPool;
  readonly #shared: DaemonUnderTest | undefined;
  readonly #own: DaemonUnderTest[] = [];
  readonly #strangers: Stranger[] = [];
  #endReason: string | undefined;

  static async open(of: SharedDaemon, pool: DaemonPool): Promise<DaemonStage> {
    return new DaemonStage(pool, of.topics && new DaemonUnderTest(await pool.daemonFor(of)));
  }

  private constructor(pool: DaemonPool, shared: DaemonUnderTest | undefined) {
    this.#pool = pool;
    this.#shared = shared;
  }

  /** The daemon that has the topics and settings of the case. */
  get daemon(): DaemonUnderTest {
    if (this.#shared) return this.#shared;
    throw new Error('the case names no topics of a daemon that it shares');
  }

  /** Starts a daemon for this case alone. */
  async start(config: Settings): Promise<DaemonUnderTest> {
    const daemon = new DaemonUnderTest(await DaemonProcess.start(this.#pool.command, config));
    this.#own.push(daemon);
    if (this.#endReason !== undefined) daemon.end(this.#endReason);
    return daemon;
  }

  /** Connects as another user, who sends one frame. Needs root. */
  stranger({ process }: DaemonUnderTest, uid: number, type: string, data: Data): Stranger {
    chmodSync(process.folder.path, 0o755);
    const stranger = new Stranger(process.socket, uid, [], type, data);
    this.#strangers.push(stranger);
    return stranger;
  }

  /** What a daemon has sent to this case that is no frame, if anything. */
  get violation(): string | undefined {
    return this.#all.find(({ violation }) => violation)?.violation;
  }

  /** What the daemons of this case alone have written. */
  get output(): string {
    return this.#own.map(({ process }) => process.output).join('\n');
  }

  /** Ends all that waits, and says why. */
  end(reason: string): void {
    this.#endReason = reason;
    for (const daemon of this.#all) daemon.end(reason);
    for (const { frames } of this.#strangers) frames.end(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#all) daemon.cut();
    for (const stranger of this.#strangers) await stranger[Symbol.asyncDispose]();
    for (const { process } of this.#own) await process[Symbol.asyncDispose]();
  }

  get #all(): DaemonUnderTest[] {
    return this.#shared ? [this.#shared, ...this.#own] : this.#own;
  }
}

/** Why no case can connect as another user on this machine; undefined if it can. */
export function whyNoStrangers(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can connect as another user';
  return has('setpriv') && has('python3') ? undefined : 'it needs setpriv and python3';
}
