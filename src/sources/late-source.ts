import type { Source, StreamSource } from './source.ts';

/** A source whose code is loaded at its first sample. @param options.watch Whether it can be watched. */
export function lateSource(load: () => Promise<Source>, { watch = false } = {}): Source {
  let source: Promise<Source> | undefined;
  const loaded = (): Promise<Source> => (source ??= load());
  return {
    sample: async (signal) => (await loaded()).sample(signal),
    ...(watch && {
      watch(signal, changed) {
        const begin = ({ watch: follow }: Source): void => {
          if (!signal.aborted) follow?.(signal, changed);
        };
        void loaded().then(begin, () => {}); // Its samples fail with the same error.
      },
    }),
  };
}

/** A stream whose code is loaded when it is run first. */
export function lateStream(load: () => Promise<StreamSource>): StreamSource {
  let stream: Promise<StreamSource> | undefined;
  return {
    async run(signal, sink, start) {
      const loaded = await (stream ??= load());
      if (!signal.aborted) await loaded.run(signal, sink, start);
    },
  };
}
