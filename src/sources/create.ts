import type { Derivation } from './derived/derived.ts';
import type { Surroundings } from './environment.ts';
import { hostSource } from './host.ts';
import type { HostReading } from './host.ts';
import type { HttpRequest } from './http/http-request.ts';
import type { JournalMatches } from './journal/journal-matches.ts';
import { lateSource, lateStream } from './late-source.ts';
import type { OutputFormat, PlainFormat } from './output.ts';
import type { Source, SourceContext, StreamSource } from './source.ts';

/** What the configuration says of a source; exactly one of the kinds. */
export type SourceConfig =
  | { kind: 'data'; data: unknown }
  | ({ kind: 'command'; command: string | readonly string[]; format?: OutputFormat } & Surroundings)
  | ({ kind: 'stream'; stream: string | readonly string[]; format?: PlainFormat } & Surroundings)
  | { kind: 'file'; file: string; format?: PlainFormat; watch?: boolean }
  | { kind: 'files'; files: string; format?: PlainFormat; watch?: boolean }
  /** `stamp`: see `stampOf`. */
  | ({ kind: 'module'; module: string; stamp?: string } & Surroundings)
  | { kind: 'host'; host: HostReading }
  | { kind: 'journal'; journal: JournalMatches }
  | { kind: 'http'; http: HttpRequest }
  | ({ kind: 'from' } & Derivation)
  | { kind: 'publish' }
  | { kind: 'provide' };

/** Makes the source of a topic; undefined for one that clients publish to or provide, or that is made of another topic. */
export function createSource(
  config: SourceConfig,
  context: SourceContext,
): Source | StreamSource | undefined {
  switch (config.kind) {
    case 'data':
      return { sample: () => config.data, isConstant: true };
    case 'command':
      return lateSource(async () => (await import('./command.ts')).commandSource(config, context));
    case 'stream':
      return lateStream(async () => (await import('./program-stream.ts')).streamSource(config, context));
    case 'file':
      return lateSource(
        async () => (await import('./files/file.ts')).fileSource(config.file, context, config.format, config),
        config,
      );
    case 'files':
      return lateSource(
        async () => (await import('./files/matching-files.ts')).filesSource(config, context),
        config,
      );
    case 'module':
      return lateSource(async () => (await import('./modules/module.ts')).moduleSource(config, context));
    case 'host':
      return hostSource(config.host, context);
    case 'journal':
      return lateStream(async () =>
        (await import('./journal/journal-entries.ts')).journalSource(config.journal, context),
      );
    case 'http':
      return lateSource(async () => (await import('./http/http.ts')).httpSource(config.http, context));
    case 'publish':
    case 'provide':
    case 'from':
      return undefined;
    default:
      return config satisfies never;
  }
}
