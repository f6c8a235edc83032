import { stripVTControlCharacters } from 'node:util';

import { Program } from '../helpers/program.ts';

const CLEAR_LINE = '\u0015';
const TAB = '\t';
/** How often TAB is pressed: on a busy machine, the names of topics may not come in time. */
const AGAIN_MS = 1000;
/** When a test gives up, to say what the terminal showed. */
const PATIENCE_MS = 30_000;

/** A shell in a terminal of its own, at which a test types. */
export class Terminal implements AsyncDisposable {
  readonly #program: Program;
  readonly #listeners = new Set<() => void>();
  #screen = '';

  /** @param command A command line. */
  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    const script = [
      '--quiet',
      '--flush',
      '--return',
      '--command',
      `stty cols 500; exec ${command}`,
      '/dev/null',
    ];
    this.#program = new Program(script, { TERM: 'xterm', ...env }, cwd, 'script');
    this.#program.child.stdout!.on('data', (text: string) => {
      this.#screen += text;
      for (const check of this.#listeners) check();
    });
  }

  /** Runs a line, and waits until the shell has done it. */
  async run(line: string): Promise<void> {
    const from = this.#screen.length;
    this.#type(`${line}\n`);
    this.#type('echo "do""ne"\n');
    await this.#shows(/done\r?\n/, from);
  }

  /** Types a part of a line and TAB, and waits for what the shell makes of it. The line is cleared then. */
  async completes(text: string, expected: RegExp): Promise<void> {
    const from = this.#screen.length;
    this.#type(text + TAB);
    const timer = setInterval(() => this.#type(TAB), AGAIN_MS);
    try {
      await this.#shows(expected, from);
    } finally {
      clearInterval(timer);
      this.#type(CLEAR_LINE);
    }
  }

  #type(text: string): void {
    this.#program.child.stdin!.write(text);
  }

  #shows(expected: RegExp, from: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const text = (): string => stripVTControlCharacters(this.#screen.slice(from));
    const check = (): void => {
      if (expected.test(text())) resolve();
    };
    this.#listeners.add(check);
    check();
    const fail = (why: string): void =>
      reject(new Error(`${why}; expected ${expected}, and the terminal showed ${JSON.stringify(text())}`));
    void this.#program.ended.then(() => fail('the shell ended'));
    const timer = setTimeout(fail, PATIENCE_MS, 'it never came');
    return promise.finally(() => {
      clearTimeout(timer);
      this.#listeners.delete(check);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
