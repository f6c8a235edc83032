import type { SourceContext, StreamSource } from './source.ts';

/** What selects entries of the journal. */
export interface JournalMatches {
  unit?: string;
  priority?: string | number;
}

export function journalSource(_matches: JournalMatches, _context: SourceContext): StreamSource {
  throw new Error('to be written');
}
