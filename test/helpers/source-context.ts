import { silent } from '../../src/log.ts';
import type { SourceContext } from '../../src/sources/source.ts';

/** What a source is given, unless a test says otherwise. */
export function sourceContext(directory: string, options: Partial<SourceContext> = {}): SourceContext {
  return { topic: 't', timeoutMs: 20_000, maxBytes: 1000, directory, logger: silent, ...options };
}
