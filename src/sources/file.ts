import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname, resolve } from 'node:path';

import { messageAt } from '../errors.ts';
import { parseYaml } from '../yaml.ts';
import type { Source, SourceContext } from './source.ts';
import { withoutTrailingNewline } from './text.ts';

/** Reads a file: `.json`, `.yaml` and `.yml` are parsed, anything else is text. */
export function fileSource(file: string, { directory, maxBytes }: SourceContext): Source {
  const path = resolve(directory, file);
  return {
    async sample() {
      try {
        return parse(await readBounded(path, maxBytes), extname(path));
      } catch (error) {
        throw new Error(messageAt(path, error), { cause: error });
      }
    },
  };
}

function parse(text: string, extension: string): unknown {
  switch (extension) {
    case '.json':
      return JSON.parse(text);
    case '.yaml':
    case '.yml':
      return parseYaml(text);
    default:
      return withoutTrailingNewline(text);
  }
}

/** By what is read, not by the size that is said: files under /proc say 0, and a file may grow meanwhile. */
async function readBounded(path: string, maxBytes: number): Promise<string> {
  // Without O_NONBLOCK, opening a pipe that nobody writes to would hold a thread for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.allocUnsafe(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
  }
  throw new Error(`${path} has more than ${maxBytes} bytes (maxBytes)`);
}
