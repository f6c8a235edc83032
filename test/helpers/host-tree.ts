import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { HostReading } from '../../src/sources/host.ts';
import { hostSource } from '../../src/sources/host.ts';
import type { Roots } from '../../src/sources/host/roots.ts';
import type { Source } from '../../src/sources/source.ts';
import { temporaryFolder } from './folder.ts';
import { root } from './program.ts';
import { sourceContext } from './source-context.ts';

/**
 * The files of another machine, to be changed at will. `vm` was copied from a real one; the others have the formats of
 * the kernels that their tests name.
 */
export type Machine = 'vm' | 'server' | 'container' | 'arm64';

/** A copy of the files of a machine that goes away with its scope. */
export class HostTree implements Disposable {
  readonly #folder = temporaryFolder();
  readonly roots: Roots;

  constructor(machine: Machine) {
    cpSync(join(root, 'test/fixtures/host', machine), this.#folder.path, { recursive: true });
    const [proc, sys] = [this.#folder.file('proc'), this.#folder.file('sys')];
    this.roots = { proc, sys, root: this.#folder.file('root') };
  }

  source(reading: HostReading, timeoutMs = 10_000): Source {
    return hostSource(reading, sourceContext(this.#folder.path, { timeoutMs }), this.roots);
  }

  /** Changes a file, such as `proc/stat`. */
  edit(path: string, change: (text: string) => string): void {
    const file = this.#folder.file(path);
    const text = readFileSync(file, 'utf8');
    const changed = change(text);
    if (changed === text) throw new Error(`the change of ${path} changes nothing`);
    writeFileSync(file, changed);
  }

  makeFolder(path: string): void {
    mkdirSync(this.#folder.file(path), { recursive: true });
  }

  write(path: string, text: string): void {
    this.makeFolder(dirname(path));
    writeFileSync(this.#folder.file(path), text);
  }

  file(path: string): string {
    return this.#folder.file(path);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
