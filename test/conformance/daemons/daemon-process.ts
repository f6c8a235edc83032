import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { temporaryFolder } from '../../helpers/folder.ts';
import type { Folder } from '../../helpers/folder.ts';
import { Program } from '../../helpers/program.ts';
import type { Settings } from './daemon-settings.ts';
import { RawPeer } from './raw-peer.ts';

/** Time between attempts to connect to a daemon that starts, in milliseconds. */
const ATTEMPT_MS = 5;
/** The command line alone must decide. */
const cleared = [
  'CHIMED_CONFIG',
  'CHIMED_SOCKET_PATH',
  'CHIMED_STATE_FILE',
  'CHIMED_CLIENTS_MAX',
  'RUNTIME_DIRECTORY',
  'STATE_DIRECTORY',
];

/** A daemon in a process of its own, started by `COMMAND serve --config FILE --socket PATH` in a temporary directory. */
export class DaemonProcess implements AsyncDisposable {
  readonly folder: Folder = temporaryFolder();
  readonly #command: string;
  #program: Program;

  /** Starts it, and waits until it accepts connections. */
  static async start(command: string, config: Settings): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(command, config);
    try {
      await daemon.#listens();
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(command: string, config: Settings) {
    this.#command = command;
    this.configure(config);
    this.#program = this.#spawn();
  }

  get socket(): string {
    return this.folder.file('s');
  }

  get #configFile(): string {
    return this.folder.file('chimed.yaml');
  }

  /** Writes its configuration; JSON is YAML. The daemon reads it when it is reloaded or restarted. */
  configure(config: Settings): void {
    writeFileSync(this.#configFile, JSON.stringify(config));
  }

  /** Asks it to stop, and waits until it has ended. */
  async stop(): Promise<void> {
    await this.#program.kill('SIGTERM').ended;
  }

  /** Kills it, so that it can save nothing. */
  async crash(): Promise<void> {
    await this.#program.kill('SIGKILL').ended;
  }

  /** Starts it again, after it has ended. */
  async restart(): Promise<void> {
    this.#program = this.#spawn();
    await this.#listens();
  }

  /** What it has written. */
  get output(): string {
    const { stdout, stderr } = this.#program.output;
    return [stdout, stderr].filter(Boolean).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }

  #spawn(): Program {
    const line = `exec ${this.#command} serve --config "$1" --socket "$2"`;
    const env = Object.fromEntries(cleared.map((name) => [name, undefined]));
    return new Program(['-c', line, 'sh', this.#configFile, this.socket], env, process.cwd(), 'sh');
  }

  async #listens(): Promise<void> {
    let ended: number | NodeJS.Signals | undefined;
    void this.#program.ended.then((how) => (ended = how));
    for (;;) {
      try {
        return (await RawPeer.connect(this.socket)).cut();
      } catch {
        if (ended !== undefined) throw new Error(`the daemon has ended with ${ended}: ${this.output}`);
        await wait(ATTEMPT_MS);
      }
    }
  }
}
