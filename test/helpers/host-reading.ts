import { join } from 'node:path';

import type { Roots } from '../../src/sources/host/roots.ts';
import { hostSource } from '../../src/sources/host.ts';
import type { HostReading } from '../../src/sources/host.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { root } from './program.ts';
import { sourceContext } from './source-context.ts';

/** Files of another machine: what its kernel and its system show. */
export function rootsIn(folder: string): Roots {
  return { proc: join(folder, 'proc'), sys: join(folder, 'sys'), root: join(folder, 'root') };
}

export function rootsOf(machine: 'arm64' | 'container' | 'vm'): Roots {
  return rootsIn(join(root, 'test/fixtures/host', machine));
}

/** A source that can be sampled again and again; this machine's, unless roots are given. */
export function readerOf(
  reading: HostReading,
  roots?: Roots,
  options: Partial<SourceContext> = {},
): { sample(signal?: AbortSignal): Promise<unknown> } {
  const source = hostSource(reading, sourceContext('/', { maxBytes: 1024 * 1024, ...options }), roots);
  const { signal: never } = new AbortController();
  return { sample: async (signal = never) => await source.sample(signal) };
}
