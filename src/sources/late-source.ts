import type { Source, StreamSource } from './source.ts';

/** A source whose code is loaded at its first sample. */
export function lateSource(load: () => Promise<Source>): Source {
  let source: Promise<Source> | undefined;
  return { sample: async (signal) => (await (source ??= load())).sample(signal) };
}

/** A stream whose code is loaded when it is run first. */
export function lateStream(load: () => Promise<StreamSource>): StreamSource {
  let stream: Promise<StreamSource> | undefined;
  return {
    async run(signal, sink, latest) {
      const loaded = await (stream ??= load());
      if (!signal.aborted) await loaded.run(signal, sink, latest);
    },
  };
}
