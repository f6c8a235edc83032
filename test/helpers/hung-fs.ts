import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from './folder.ts';
import { Program } from './program.ts';
import { has } from './programs-here.ts';

/** Why there can be no such file system here; undefined if there can. */
export const noHungFileSystem: string | undefined =
  process.getuid?.() !== 0
    ? 'mounting a file system needs root'
    : !existsSync('/dev/fuse')
      ? 'there is no /dev/fuse (modprobe fuse)'
      : has('python3')
        ? undefined
        : 'there is no python3';

/** What a file system does not answer. */
type Silence = 'read' | 'open' | 'getattr' | 'lookup' | 'statfs';

/** A FUSE file system that answers everything but what `silent` names. It ends with its scope, and all waits with it. */
export class HungFileSystem implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly #server: Program;
  readonly directory = this.#folder.file('mount');

  private constructor(silent: Silence) {
    mkdirSync(this.directory);
    const script = join(import.meta.dirname, 'hung-fs.py');
    this.#server = new Program([script, this.directory, silent], {}, '/', 'python3');
  }

  static async mount(silent: Silence): Promise<HungFileSystem> {
    const mounted = new HungFileSystem(silent);
    await mounted.#server.stdout.find((line) => line === 'mounted');
    return mounted;
  }

  /** A file whose content, or whose very existence, is never told. */
  get file(): string {
    return join(this.directory, 'file');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.child.stdin!.end(); // It unmounts, and ends all waits.
    await this.#server.ended;
    this.#folder[Symbol.dispose]();
  }
}
