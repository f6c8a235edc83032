import { basename, dirname, join, resolve } from 'node:path';

import { messageAt } from '../../errors.ts';
import { OwnReads } from './bounded-read.ts';
import { DirectoryRead } from './directory-read.ts';
import { followChanges } from './follow-changes.ts';
import type { PlainFormat } from '../output.ts';
import type { Source, SourceContext } from '../source.ts';
import { parseFile, plain } from './text-file.ts';
import { parseWildcard } from './wildcard.ts';

interface FilesConfig {
  /** A path whose last part has wildcards. */
  files: string;
  format?: PlainFormat;
  watch?: boolean;
}

/**
 * Reads all regular files that a pattern matches, as a mapping from their names to what is in them. What hangs, or is too
 * much, fails the sample, as in a single file.
 */
export function filesSource(config: FilesConfig, context: SourceContext): Source {
  const pattern = resolve(context.directory, config.files);
  const directory = dirname(pattern);
  const matches = parseWildcard(basename(pattern));
  const own = new OwnReads();

  async function read(signal: AbortSignal): Promise<DirectoryRead['texts']> {
    const reading = new DirectoryRead(directory, matches, context);
    const fd = await own.open(directory);
    const unread =
      fd === undefined
        ? await reading.listed(signal)
        : await own.take(reading.here(fd, signal), context.timeoutMs, signal);
    await reading.each(unread, signal);
    return reading.texts;
  }

  return {
    async sample(signal) {
      let texts: DirectoryRead['texts'];
      try {
        texts = await read(signal);
      } catch (error) {
        throw new Error(messageAt(directory, await plain(error)), { cause: error });
      }
      return Object.fromEntries(
        texts.map(([name, text]) => [name, parseFile(join(directory, name), text, config.format)]),
      );
    },
    ...(config.watch && { watch: followChanges(directory, context) }),
  };
}
