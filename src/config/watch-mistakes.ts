import { dirname, resolve } from 'node:path';

import { lookUp } from '../linux/look-up.ts';
import { routeTo } from '../sources/files/route.ts';
import type { TopicConfig } from './config.ts';
import type { Mistake } from './mistakes.ts';

/** Finds topics with `watch: true` whose files are on a file system that does not report changes. */
export function watchMistakes(topics: readonly TopicConfig[], directory: string): Mistake[] {
  return topics.flatMap(({ name, source }) => {
    const path = watchedPath(source);
    if (path === undefined) return [];
    const { end } = routeTo(resolve(directory, path), lookUp);
    if (end.kind !== 'foreign') return [];
    const why = `watch: true needs a file system that reports changes, but ${end.path} is on ${end.type}`;
    return [
      {
        path: ['topics', name, 'watch'],
        message: `${why}; remove it and set interval, such as interval: 5s`,
      },
    ];
  });
}

function watchedPath(source: TopicConfig['source']): string | undefined {
  if (source.kind === 'file' && source.watch) return source.file;
  if (source.kind === 'files' && source.watch) return dirname(source.files);
  return undefined;
}
