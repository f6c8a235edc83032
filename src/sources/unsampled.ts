import type { SourceConfig } from './create.ts';

/** Why no sample can be taken of a topic with this source; undefined if one can. */
export function whyUnsampled(source: SourceConfig): string | undefined {
  switch (source.kind) {
    case 'publish':
      return 'clients publish to it';
    case 'provide':
      return 'a client provides it';
    case 'from':
      return `it is made of ${source.from}`;
    default:
      return undefined;
  }
}
