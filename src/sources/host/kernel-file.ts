import { readFileSync } from 'node:fs';

import { messageOf, systemCode } from '../../errors.ts';

/**
 * Reads a small file of `/proc` or `/sys`, which the kernel writes without waiting for anything.
 * @throws if it cannot be read, with its path.
 */
export function readKernelFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const hint = systemCode(error) === 'ENOENT' ? '; this reading needs a Linux kernel with that file' : '';
    throw new Error(`${messageOf(error)}${hint}`, { cause: error });
  }
}

/** The same, without its last newline; undefined if it cannot be read: not all kernels and devices have all files. */
export function readKernelFileIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** The numbers of a file, or of a part of it. @throws if there are fewer than expected: it has another format. */
export function numbersIn(text: string, atLeast: number, path: string): number[] {
  const numbers = text.trim().split(/\s+/).map(Number);
  if (numbers.length >= atLeast && numbers.every((value) => !Number.isNaN(value))) return numbers;
  throw new Error(
    `cannot read ${path}: expected ${atLeast} numbers, found ${JSON.stringify(text.slice(0, 60))}`,
  );
}
