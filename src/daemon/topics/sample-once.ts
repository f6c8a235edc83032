import type { Config, TopicConfig } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import { silent } from '../../log.ts';
import { isStream } from '../../sources/source.ts';
import type { StreamSource } from '../../sources/source.ts';
import { whyUnsampled } from '../../sources/unsampled.ts';
import { MessageLog } from './message-log.ts';
import { createTopicParts } from './topic-parts.ts';

/** What came of a sample: the payload as JSON, or why there is none; and how long it took, in milliseconds. */
export type Outcome = { json: string; ms: number } | { error: string; ms: number };

/** Takes one sample of a topic in this process, as the daemon would; of a stream, the first payload within `timeout`. */
export async function sampleOnce(config: Config, topic: TopicConfig): Promise<Outcome> {
  const began = performance.now();
  const parts = createTopicParts(config, topic, silent);
  const log = new MessageLog(topic.name, topic);
  const wanted = new AbortController();
  const ms = (): number => Math.round((performance.now() - began) * 10) / 10;
  try {
    const { source } = parts;
    if (!source) throw new Error(`it has no source to sample: ${whyUnsampled(topic.source)}`);
    const payload = isStream(source)
      ? await firstOf(source, topic.timeoutMs, wanted)
      : await source.sample(wanted.signal);
    const json = log.encode(payload);
    return { json, ms: ms() };
  } catch (error) {
    return { error: messageOf(error), ms: ms() };
  } finally {
    wanted.abort(); // Ends the process of a module.
  }
}

/** The first payload of a stream, which has ended when this settles. */
async function firstOf(source: StreamSource, timeoutMs: number, wanted: AbortController): Promise<unknown> {
  const first = Promise.withResolvers<unknown>();
  const fail = (error: string): void => first.reject(new Error(error));
  const timer = setTimeout(
    () => fail(`it sent nothing within ${timeoutMs} ms (timeout), which is no failure of a quiet stream`),
    timeoutMs,
  );
  const running = source.run(wanted.signal, { send: first.resolve, fail, recover: () => {} });
  void running.then(
    () => fail('the stream has ended'),
    (error: unknown) => fail(messageOf(error)),
  );
  try {
    return await first.promise;
  } finally {
    clearTimeout(timer);
    wanted.abort();
    await Promise.allSettled([running]);
  }
}
