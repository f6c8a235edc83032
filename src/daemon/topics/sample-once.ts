import type { Config, TopicConfig } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import { silent } from '../../log.ts';
import { isStream } from '../../sources/source.ts';
import type { StreamSource } from '../../sources/source.ts';
import { whyUnsampled } from '../../sources/unsampled.ts';
import { MessageLog } from './message-log.ts';
import { createTopicParts } from './topic-parts.ts';

/**
 * What came of a sample, and how long it took, in milliseconds: the payload as JSON, why it failed, or that a stream was
 * quiet, which is no failure.
 */
export type Outcome = { ms: number } & ({ json: string } | { error: string } | { quiet: string });

/** Takes one sample of a topic in this process, as the daemon would; of a stream, the first payload within its timeout. */
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
    if (payload === QUIET) return { quiet: `sent nothing within ${topic.timeoutMs / 1000} s`, ms: ms() };
    const json = log.encode(payload);
    return { json, ms: ms() };
  } catch (error) {
    return { error: messageOf(error), ms: ms() };
  } finally {
    wanted.abort(); // Ends the process of a module.
  }
}

const together = (work: () => void): void => work();

/** Instead of the payload of a stream that sent none. */
const QUIET = Symbol('quiet');

/** The first payload of a stream, or QUIET. The stream has ended when this settles. */
async function firstOf(source: StreamSource, timeoutMs: number, wanted: AbortController): Promise<unknown> {
  const first = Promise.withResolvers<unknown>();
  const fail = (error: string): void => first.reject(new Error(error));
  const timer = setTimeout(() => first.resolve(QUIET), timeoutMs);
  const sink = { send: first.resolve, fail, recover: () => {}, together };
  const running = source.run(wanted.signal, sink, { goesOn: false, since: Date.now() });
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
