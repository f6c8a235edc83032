import type { Surroundings } from './environment.ts';
import { hostSource } from './host.ts';
import type { HostReading } from './host.ts';
import { lateSource } from './late-source.ts';
import type { OutputFormat } from './output.ts';
import type { Source, SourceContext } from './source.ts';

/** What the configuration says of a source; exactly one of the kinds. */
export type SourceConfig =
  | { kind: 'data'; data: unknown }
  | ({ kind: 'command'; command: string | readonly string[]; format?: OutputFormat } & Surroundings)
  | { kind: 'file'; file: string; format?: Exclude<OutputFormat, 'nagios'> }
  /** `stamp`: see `stampOf`. */
  | ({ kind: 'module'; module: string; stamp?: string } & Surroundings)
  | { kind: 'host'; host: HostReading }
  | { kind: 'publish' }
  | { kind: 'provide' };

/** Makes the source of a topic; undefined for one that clients publish to or provide. */
export function createSource(config: SourceConfig, context: SourceContext): Source | undefined {
  switch (config.kind) {
    case 'data':
      return { sample: () => config.data };
    case 'command':
      return lateSource(async () => (await import('./command.ts')).commandSource(config, context));
    case 'file':
      return lateSource(async () =>
        (await import('./file.ts')).fileSource(config.file, context, config.format),
      );
    case 'module':
      return lateSource(async () => (await import('./module.ts')).moduleSource(config, context));
    case 'host':
      return hostSource(config.host);
    case 'publish':
    case 'provide':
      return undefined;
    default:
      return config satisfies never;
  }
}
