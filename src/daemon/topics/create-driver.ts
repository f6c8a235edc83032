import { derivedSource } from '../../sources/derived/derived.ts';
import type { FollowTopic } from '../../sources/derived/derived.ts';
import { isStream } from '../../sources/source.ts';
import type { Source } from '../../sources/source.ts';
import type { Driver, DriverTools } from './driver.ts';
import { StreamRunner } from './stream-runner.ts';
import type { MessageLog } from './message-log.ts';
import { Sampler } from './sampler.ts';
import type { TopicParts } from './topic-parts.ts';

/**
 * Makes what has the source of a topic work.
 * @param send Sends a payload, as JSON.
 * @param follow Has a derived topic follow another.
 * @param before What has to end before the source works: no source does twice at once.
 */
export function createDriver(
  { config, source: made }: TopicParts,
  log: MessageLog,
  send: (json: string) => void,
  tools: DriverTools,
  follow: FollowTopic,
  before?: Promise<unknown>,
): Driver {
  const source =
    config.source.kind === 'from' ? derivedSource(config.source, follow, () => log.lastJson) : made;
  if (isStream(source)) {
    const listener = {
      payload: (payload: unknown) => {
        const json = log.encode(payload);
        tools.health.succeed(performance.now());
        send(json);
      },
      latest: () => log.lastJson,
    };
    return new StreamRunner(config.name, source, config.everyMs, listener, tools, before);
  }
  let constant: string | undefined;
  const listener = {
    encode(payload: unknown) {
      if (!source) return log.lastJson ?? '';
      return source.isConstant ? (constant ??= log.encode(payload)) : log.encode(payload);
    },
    payload: (json: string) => {
      if (json !== '') send(json);
    },
  };
  return new Sampler(source ? sampledAfter(before, source) : nothing, config.schedule, listener, tools);
}

/** What a topic samples that only clients send to: it repeats the last message. */
const nothing: Source = { sample: () => undefined };

/** A source that takes no sample before something has ended. */
function sampledAfter(before: Promise<unknown> | undefined, source: Source): Source {
  if (!before) return source;
  let isOver = false;
  const over = before.then(() => (isOver = true));
  return {
    sample(signal) {
      if (isOver) return source.sample(signal);
      return over.then(() => {
        signal.throwIfAborted();
        return source.sample(signal);
      });
    },
    ...(source.watch && { watch: (signal, changed) => source.watch?.(signal, changed) }),
  };
}
