import { closeSync, constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { extname, resolve } from 'node:path';

import { messageAt, messageOf } from '../errors.ts';
import type * as LocalFiles from '../linux/local-file.ts';
import { decodeUtf8 } from '../text.ts';
import { parseYaml } from '../yaml.ts';
import { runCommand } from './command-run.ts';
import { sourceEnvironment } from './environment.ts';
import { parseOutput } from './output.ts';
import type { PlainFormat } from './output.ts';
import type { Source, SourceContext } from './source.ts';
import { threadReads } from './thread-reads.ts';
import { within } from './within.ts';

/** How much is read at first, in bytes. */
const FIRST_BYTES = 4096;

/**
 * Reads a file. Without a format, `.json`, `.yaml` and `.yml` are parsed, and anything else is text. A file that might
 * block this process, such as one on a network file system, is read by a process of its own.
 */
export function fileSource(file: string, context: SourceContext, format?: PlainFormat): Source {
  const { topic, directory, timeoutMs, maxBytes } = context;
  const path = resolve(directory, file);
  const run = {
    topic,
    argv: ['cat', '--', path],
    directory: '/',
    env: { ...sourceEnvironment(topic), LC_ALL: 'C' },
    timeoutMs,
    maxBytes,
  };
  // Absent where there is no koffi, or no Linux: then every file is read by a process.
  const here = import('../linux/local-file.ts').catch(() => undefined);
  let reading: Promise<unknown> | undefined;

  async function read(signal: AbortSignal): Promise<string> {
    if (reading) throw new Error('an earlier read still hangs: its disk does not answer');
    const fd = (await here)?.openLocal(path);
    if (fd === undefined) return await runCommand(run, signal);
    if (!threadReads.tryTake()) {
      closeSync(fd);
      return await runCommand(run, signal);
    }
    const result = readHere(fd, maxBytes);
    const settled = (): void => {
      threadReads.give();
      reading = undefined;
    };
    reading = result.then(settled, settled);
    return await within(result, timeoutMs, signal);
  }

  return {
    async sample(signal) {
      try {
        const text = await read(signal);
        return format === undefined ? parse(text, extname(path)) : parseOutput(text, format);
      } catch (error) {
        throw new Error(messageAt(path, plain(error, await here)), { cause: error });
      }
    },
  };
}

/** Reads what a descriptor names, and closes it. */
async function readHere(fd: number, maxBytes: number): Promise<string> {
  try {
    const { open } = await import('node:fs/promises'); // It takes 3 ms and 1 MiB.
    // Without O_NONBLOCK, opening a pipe that nobody writes to would hold a thread for ever.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    await using file = await open(`/proc/self/fd/${fd}`, flags);
    return await readBounded(file, maxBytes);
  } finally {
    closeSync(fd);
  }
}

/** By what is read, not by the size that is said: files under /proc say 0, and a file may grow meanwhile. */
async function readBounded(file: FileHandle, maxBytes: number): Promise<string> {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes + 1));
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length);
    length += bytesRead;
    if (bytesRead === 0) return decodeUtf8(buffer.subarray(0, length));
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes (maxBytes)`);
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * length, maxBytes + 1));
      buffer.copy(larger);
      buffer = larger;
    }
  }
}

/** The same words whether the file was read here or by `cat`. */
function plain(error: unknown, here: typeof LocalFiles | undefined): string {
  const { errno } = error as NodeJS.ErrnoException;
  if (errno !== undefined) return here?.systemMessage(-errno) ?? messageOf(error);
  return messageOf(error)
    .replace(/^the command exited with 1: cat: (?:.*: )?/, '')
    .replace(/^the command was ended: it printed more than/, 'it has more than')
    .replace(/^the command was ended: /, '')
    .replace(/^what the command printed cannot be sent: /, '');
}

function parse(text: string, extension: string): unknown {
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
