import { isUtf8 } from 'node:buffer';

/** Files of one directory that can match. */
const MAX_FILES = 1000;
/** Names in one directory that are compared. */
export const MAX_NAMES = 10_000;

/** The names in a directory that a pattern matches. */
export class FileNames {
  readonly #matches: (name: string) => boolean;
  readonly #names: string[] = [];
  #count = 0;

  constructor(matches: (name: string) => boolean) {
    this.#matches = matches;
  }

  /**
   * @param name As the file system has it.
   * @param isFile Reports whether it is a regular file, or a link that can lead to one.
   */
  add(name: Buffer, isFile: boolean): void {
    if (++this.#count > MAX_NAMES)
      throw new Error(`it has more than ${MAX_NAMES} entries; use a smaller directory`);
    const text = name.toString();
    if (!isFile || !this.#matches(text)) return;
    if (!isUtf8(name)) throw new Error(`the name ${JSON.stringify(text)} is not UTF-8; rename the file`);
    if (this.#names.push(text) > MAX_FILES)
      throw new Error(`more than ${MAX_FILES} files match; use a narrower pattern`);
  }

  sorted(): string[] {
    return this.#names.toSorted();
  }
}
