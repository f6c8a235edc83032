import { closeSync, constants } from 'node:fs';
import { basename, join } from 'node:path';

import { messageAt, systemCode } from '../../errors.ts';
import { readText } from './bounded-read.ts';
import { runCommand } from '../processes/command-run.ts';
import { FileNames, MAX_NAMES } from './file-names.ts';
import { systemSurroundings } from '../processes/system-program.ts';
import { TextFile, isNoFile, plain } from './text-file.ts';

/** Longest entry in a list of `find`: the directory and a name, in bytes. */
const ENTRY_BYTES = 4096;
/** Names that Node reads from a directory at a time. */
const NAMES_AT_ONCE = 256;

/** A sample of the files in a directory that a pattern matches. */
export class DirectoryRead {
  readonly #directory: string;
  readonly #topic: string;
  readonly #names: FileNames;
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #deadline: number;
  readonly #texts: [name: string, text: string][] = [];
  #bytes = 0;

  constructor(
    directory: string,
    matches: (name: string) => boolean,
    { topic, maxBytes, timeoutMs }: { topic: string; maxBytes: number; timeoutMs: number },
  ) {
    this.#directory = directory;
    this.#topic = topic;
    this.#names = new FileNames(matches);
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
    this.#deadline = performance.now() + timeoutMs;
  }

  /** What has been read, by the names of the files. */
  get texts(): readonly [name: string, text: string][] {
    return this.#texts.toSorted(([one], [other]) => (one < other ? -1 : 1));
  }

  /**
   * Reads the regular files in this process, and closes the directory's descriptor.
   * @returns the names of links, which can lead anywhere and have not been read.
   */
  async here(fd: number, signal: AbortSignal): Promise<string[]> {
    const links: string[] = [];
    const directory = `/proc/self/fd/${fd}`;
    try {
      const { opendir } = await import('node:fs/promises');
      // As Latin-1, a name keeps its bytes, whatever they are.
      const entries = await opendir(directory, { encoding: 'latin1', bufferSize: NAMES_AT_ONCE });
      for await (const entry of entries) {
        this.#goOn(signal);
        this.#names.add(Buffer.from(entry.name, 'latin1'), entry.isFile() || entry.isSymbolicLink());
      }
      for (const name of this.#names.sorted()) {
        this.#goOn(signal);
        const found = await this.#named(name, readRegular(`${directory}/${name}`, this.#maxBytes));
        if (found === 'link') links.push(name);
        else if (found) this.#add(name, found.text);
      }
      return links;
    } finally {
      closeSync(fd);
    }
  }

  /** Lists files by a process. @returns all names that match. */
  async listed(signal: AbortSignal): Promise<string[]> {
    const start = join(this.#directory, '/'); // The slash follows a link.
    const argv = ['find', start, ...'-mindepth 1 -maxdepth 1 ( -type f -o -type l ) -print0'.split(' ')];
    const limits = { timeoutMs: this.#timeoutMs, maxBytes: MAX_NAMES * ENTRY_BYTES };
    const list = await runCommand({ ...systemSurroundings(this.#topic), argv, ...limits }, signal);
    for (const path of list.split('\0').slice(0, -1)) this.#names.add(Buffer.from(basename(path)), true);
    return this.#names.sorted();
  }

  /** Reads files by their names, wherever they are. One that has gone, or is a directory, is left out. */
  async each(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const name of names) {
      this.#goOn(signal);
      const file = new TextFile(join(this.#directory, name), this.#topic);
      const limits = {
        timeoutMs: Math.ceil(this.#deadline - performance.now()) + 1, // The deadline has passed by then.
        maxBytes: this.#maxBytes,
      };
      const reading = file.read(limits, signal).catch((error: unknown) => {
        if (isNoFile(error)) return;
        this.#goOn(signal); // Says how long all files together may take.
        throw error;
      });
      const text = await this.#named(name, reading);
      if (text !== undefined) this.#add(name, text);
    }
  }

  #goOn(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (performance.now() > this.#deadline)
      throw new Error(`it took longer than ${this.#timeoutMs} ms (timeout)`);
  }

  /** A result that, if it is a failure, names the file. */
  async #named<T>(name: string, result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      throw new Error(messageAt(join(this.#directory, name), await plain(error)), { cause: error });
    }
  }

  #add(name: string, text: string): void {
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > this.#maxBytes)
      throw new Error(`the files have more than ${this.#maxBytes} bytes together (maxBytes)`);
    this.#texts.push([name, text]);
  }
}

/** @returns undefined if there is no regular file any more. */
async function readRegular(path: string, maxBytes: number): Promise<{ text: string } | 'link' | undefined> {
  const { open } = await import('node:fs/promises');
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    await using file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    return (await file.stat()).isFile() ? { text: await readText(file, maxBytes) } : undefined;
  } catch (error) {
    if (systemCode(error) === 'ELOOP') return 'link';
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
