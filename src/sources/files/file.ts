import { resolve } from 'node:path';

import { messageAt } from '../../errors.ts';
import { followChanges } from './follow-changes.ts';
import type { PlainFormat } from '../output.ts';
import type { Source, SourceContext } from '../source.ts';
import { TextFile, parseFile } from './text-file.ts';

/** Reads a file. Without a format, `.json`, `.yaml` and `.yml` are parsed, and anything else is text. */
export function fileSource(
  file: string,
  context: SourceContext,
  format?: PlainFormat,
  { watch = false } = {},
): Source {
  const path = resolve(context.directory, file);
  const content = new TextFile(path, context.topic);
  return {
    async sample(signal) {
      let text: string;
      try {
        text = await content.read(context, signal);
      } catch (error) {
        throw new Error(messageAt(path, error), { cause: error });
      }
      return parseFile(path, text, format);
    },
    ...(watch && { watch: followChanges(path, context) }),
  };
}
