import type { Source } from './source.ts';

/** A source whose code is loaded at its first sample. */
export function lateSource(load: () => Promise<Source>): Source {
  let source: Promise<Source> | undefined;
  return { sample: async (signal) => (await (source ??= load())).sample(signal) };
}
