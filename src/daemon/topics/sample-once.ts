import { setTimeout as wait } from 'node:timers/promises';

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

/** How long a stream must go on after its first payload, in milliseconds: in the daemon, to end is a failure. */
const GOES_ON_MS = 200;

/**
 * Takes one sample of a topic in this process, as the daemon would; of a stream, the first payload within its timeout.
 * A stream that then ends by itself has failed; the time is that of its payload all the same.
 */
export async function sampleOnce(config: Config, topic: TopicConfig): Promise<Outcome> {
  const began = performance.now();
  const parts = createTopicParts(config, topic, silent);
  const log = new MessageLog(topic.name, topic);
  const wanted = new AbortController();
  const ms = (at = performance.now()): number => Math.round((at - began) * 10) / 10;
  try {
    const { source } = parts;
    if (!source) throw new Error(`it has no source to sample: ${whyUnsampled(topic.source)}`);
    if (!isStream(source)) return { json: log.encode(await source.sample(wanted.signal)), ms: ms() };
    const first = await firstOf(source, topic.timeoutMs, wanted);
    if (!first) return { quiet: `sent nothing within ${topic.timeoutMs / 1000} s`, ms: ms() };
    return { json: log.encode(first.payload), ms: ms(first.at) };
  } catch (error) {
    return { error: messageOf(error), ms: ms() };
  } finally {
    wanted.abort(); // Ends the process of a module.
  }
}

const together = (work: () => void): void => work();

interface First {
  payload: unknown;
  /** When it came, on the monotonic clock. */
  at: number;
}

/** The first payload of a stream that goes on; undefined if it sent none. The stream has ended when this settles. */
async function firstOf(
  source: StreamSource,
  timeoutMs: number,
  wanted: AbortController,
): Promise<First | undefined> {
  const first = Promise.withResolvers<First | undefined>();
  const began = performance.now();
  const fail = (error: string): void => first.reject(new Error(error));
  const timer = setTimeout(() => first.resolve(undefined), timeoutMs);
  const send = (payload: unknown): void => first.resolve({ payload, at: performance.now() });
  const start = { goesOn: false, since: Date.now() };
  const running = source.run(wanted.signal, { send, fail, recover: () => {}, together }, start);
  const ending = running.then(() => 'the stream has ended', messageOf);
  void ending.then(fail);
  try {
    const sent = await first.promise;
    if (!sent) return undefined;
    const goesOn = wait(Math.min(GOES_ON_MS, began + timeoutMs - sent.at), undefined);
    const end = await Promise.race([ending, goesOn]);
    if (end !== undefined) throw new Error(`it sent a message and ended: ${end}; a stream must keep running`);
    return sent;
  } finally {
    clearTimeout(timer);
    wanted.abort();
    await ending;
  }
}
