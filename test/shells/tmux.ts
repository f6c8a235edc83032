import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

import { temporaryFolder } from '../helpers/folder.ts';

/** How often the screen is looked at: tmux does not tell when it changes. */
const LOOK_MS = 50;
/** When a test gives up, to say what the screen shows. */
const PATIENCE_MS = 30_000;

/** A screen of tmux, with a server of its own, at which a test looks and types. */
export class Tmux implements AsyncDisposable {
  /** For the server's socket, and for files of the test. */
  readonly folder = temporaryFolder();
  readonly #socket = this.folder.file('tmux');

  /** @param command What runs in the screen. */
  constructor(command: string, env: NodeJS.ProcessEnv, size = { columns: 80, rows: 24 }) {
    const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
    const args = ['-f', '/dev/null', 'new-session', '-d', '-x', size.columns, '-y', size.rows, command].map(
      String,
    );
    execFileSync('tmux', ['-u', '-S', this.#socket, ...args], { env: { ...inherited, ...env } });
    this.#tmux('set-option', '-g', 'remain-on-exit', 'on');
  }

  /** Presses keys, by tmux's names for them: `Enter`, `C-c`, `a`. */
  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  /** Types a text. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What the screen shows. @param colored With the sequences of colours. */
  screen(colored = false): string {
    return this.#tmux('capture-pane', '-p', ...(colored ? ['-e'] : []));
  }

  /** What tmux knows of the screen, such as `alternate_on` or `cursor_flag`. */
  about(what: string): string {
    return this.#tmux('display-message', '-p', `#{${what}}`).trim();
  }

  /** Waits until the screen shows this, and returns what it shows. */
  async shows(expected: RegExp | ((screen: string) => boolean)): Promise<string> {
    const isThere = typeof expected === 'function' ? expected : (text: string) => expected.test(text);
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const screen = this.screen();
      if (isThere(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`the screen never showed ${expected}, but this:\n${screen}`);
      await wait(LOOK_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await promisify(execFile)('tmux', ['-S', this.#socket, 'kill-server']).catch(() => {}); // It has ended.
    this.folder[Symbol.dispose]();
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8' });
  }
}
