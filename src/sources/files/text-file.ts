import { closeSync, constants } from 'node:fs';
import { extname } from 'node:path';

import { messageAt, messageOf } from '../../errors.ts';
import { parseYaml } from '../../yaml.ts';
import { OwnReads, localFiles, readText } from './bounded-read.ts';
import { runCommand } from '../processes/command-run.ts';
import { systemSurroundings } from '../processes/system-program.ts';
import { parseOutput } from '../output.ts';
import type { PlainFormat } from '../output.ts';

/** Bounds of one read. */
export interface ReadLimits {
  /** In milliseconds. */
  timeoutMs: number;
  maxBytes: number;
}

/** A file of text. If it might block this process, as on a network file system, a process of its own reads it. */
export class TextFile {
  readonly path: string;
  readonly #topic: string;
  readonly #own = new OwnReads();

  /** @param path An absolute path. */
  constructor(path: string, topic: string) {
    this.path = path;
    this.#topic = topic;
  }

  /** @throws with the words of the system, and without the path. */
  async read(limits: ReadLimits, signal: AbortSignal): Promise<string> {
    try {
      const fd = await this.#own.open(this.path);
      if (fd === undefined)
        return await runCommand(
          { ...systemSurroundings(this.#topic), argv: ['cat', '--', this.path], ...limits },
          signal,
        );
      return await this.#own.take(readHere(fd, limits.maxBytes), limits.timeoutMs, signal);
    } catch (error) {
      throw new Error(await plain(error), { cause: error });
    }
  }
}

/**
 * Makes a payload of what is in a file. @param format How; without it, as the file's name says.
 * @throws an error that names the file.
 */
export function parseFile(path: string, text: string, format: PlainFormat | undefined): unknown {
  try {
    return format === undefined ? parseByName(text, extname(path)) : parseOutput(text, format);
  } catch (error) {
    throw new Error(messageAt(path, error), { cause: error });
  }
}

/** Reads what a descriptor names, and closes it. */
async function readHere(fd: number, maxBytes: number): Promise<string> {
  try {
    const { open } = await import('node:fs/promises'); // It takes 3 ms and 1 MiB.
    // Without O_NONBLOCK, opening a pipe that nobody writes to would hold a thread for ever.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    await using file = await open(`/proc/self/fd/${fd}`, flags);
    return await readText(file, maxBytes);
  } finally {
    closeSync(fd);
  }
}

/** Reports whether a read failed because there is no file, or a directory in its place. */
export function isNoFile(error: unknown): boolean {
  return ['No such file or directory', 'Is a directory'].includes(messageOf(error));
}

/** The same words whether a file was read here or by a program. */
export async function plain(error: unknown): Promise<string> {
  const { errno } = error as NodeJS.ErrnoException;
  if (errno !== undefined) return (await localFiles)?.systemMessage(-errno) ?? messageOf(error);
  return messageOf(error)
    .replace(/^the command exited with 1: (?:cat|find): (?:.*: )?/, '')
    .replace(/^the command was ended: it printed more than/, 'it has more than')
    .replace(/^the command was ended: /, '')
    .replace(/^what the command printed cannot be sent: /, '');
}

function parseByName(text: string, extension: string): unknown {
  switch (extension) {
    case '.json':
      return parseOutput(text, 'json');
    case '.yaml':
    case '.yml':
      return parseYaml(text);
    default:
      return parseOutput(text, 'text');
  }
}
