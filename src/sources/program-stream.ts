import type { Surroundings } from './environment.ts';
import type { PlainFormat } from './output.ts';
import type { SourceContext, StreamSource } from './source.ts';

interface StreamConfig extends Surroundings {
  stream: string | readonly string[];
  /** How each line is read. @default 'auto' */
  format?: PlainFormat;
}

export function streamSource(_config: StreamConfig, _context: SourceContext): StreamSource {
  throw new Error('to be written');
}
