import type { PlainFormat } from './output.ts';
import type { Source, SourceContext } from './source.ts';

interface FilesConfig {
  /** A path whose last part can have wildcards. */
  files: string;
  format?: PlainFormat;
  watch?: boolean;
}

export function filesSource(_config: FilesConfig, _context: SourceContext): Source {
  throw new Error('to be written');
}
