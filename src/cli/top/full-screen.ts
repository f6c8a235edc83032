import { emitKeypressEvents } from 'node:readline';
import type { Interface, Key } from 'node:readline';

/** The other screen, without the cursor, and without wrapping: a line that is too long must not push others down. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const CLEAR = '\x1b[2J';
/** How long the rest of an escape sequence may take, in milliseconds: over a network it comes in pieces. */
const ESCAPE_MS = 100;

export interface ScreenListener {
  /** @param text What the key types. */
  key(text: string | undefined, key: Key): void;
  /** The screen has another size, or is empty: it must be drawn. */
  redraw(): void;
}

/** The terminal as a screen to draw on. However the process ends, but for SIGKILL, the terminal is restored. */
export class FullScreen implements Disposable {
  readonly #input: NodeJS.ReadStream;
  readonly #output: NodeJS.WriteStream;
  readonly #listener: ScreenListener;
  /** The lines that are on the screen. */
  #lines: readonly string[] = [];
  #isOpen = false;

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, listener: ScreenListener) {
    this.#input = input;
    this.#output = output;
    this.#listener = listener;
  }

  /** Takes the terminal until this is disposed of, and has the screen drawn. */
  open(): void {
    if (this.#input.isTTY) {
      emitKeypressEvents(this.#input, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
      this.#input.on('keypress', this.#onKey);
      this.#input.on('error', this.#ignore); // A terminal that is gone; SIGHUP follows.
    }
    this.#output.on('resize', this.#resized);
    process.on('exit', this.#leave);
    process.on('SIGTSTP', this.#suspended);
    process.on('SIGCONT', this.#continued);
    this.#enter();
  }

  get size(): { columns: number; rows: number } {
    const { columns = 80, rows = 24 } = this.#output;
    return { columns, rows };
  }

  /** Writes the lines that differ from those on the screen. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    let changes = '';
    for (let row = 0; row < Math.max(lines.length, this.#lines.length); row++) {
      const line = lines[row] ?? '';
      // Erased first: behind a line that fills the screen's width, some terminals erase its last character.
      if (line !== this.#lines[row]) changes += `\x1b[${row + 1};1H\x1b[2K${line}`;
    }
    this.#lines = lines;
    if (changes !== '') this.#output.write(changes);
  }

  /** Forgets what is on the screen, and has all of it drawn. */
  redraw(): void {
    if (!this.#isOpen) return;
    this.#lines = [];
    this.#output.write(CLEAR);
    this.#listener.redraw();
  }

  /** Stops the process and those that it runs with, as Ctrl-Z does where keys are not read one by one. */
  suspend(): void {
    process.kill(0, 'SIGTSTP');
  }

  [Symbol.dispose](): void {
    this.#leave();
    this.#input.off('keypress', this.#onKey).off('error', this.#ignore);
    this.#output.off('resize', this.#resized);
    process.off('exit', this.#leave).off('SIGTSTP', this.#suspended).off('SIGCONT', this.#continued);
  }

  #enter(): void {
    // First the mode: in the background this stops the process, and nothing must be written there.
    if (this.#input.isTTY) this.#input.setRawMode(true).resume();
    this.#isOpen = true;
    this.#output.write(ENTER);
    this.redraw();
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(LEAVE);
    if (this.#input.isTTY) this.#input.setRawMode(false).pause();
  };

  readonly #suspended = (): void => {
    this.#leave();
    // Without a listener the signal does what it does by default: it stops the process, unless no shell could continue it.
    process.off('SIGTSTP', this.#suspended);
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', this.#suspended);
    this.#enter();
  };

  /** After SIGSTOP, which cannot be noticed, others have used the terminal. */
  readonly #continued = (): void => {
    this.#leave();
    this.#enter();
  };

  readonly #resized = (): void => this.redraw();

  readonly #onKey = (text: string | undefined, key: Key): void => this.#listener.key(text, key);

  readonly #ignore = (): void => {};
}
