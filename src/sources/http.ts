import type { Source, SourceContext } from './source.ts';

/** What an endpoint is asked, and expected to answer. */
export interface HttpRequest {
  url: string;
}

export function httpSource(_request: HttpRequest, _context: SourceContext): Source {
  throw new Error('to be written');
}
