import type { Failing, Recovered, Unwanted, Wanted } from '../../protocol/messages.ts';
import { encodeFrame } from '../../transport/frames.ts';
import type { SourceHealth } from './source-health.ts';

/** `chimed.failing`: what the listeners of a topic are told while its source fails. */
export function failingFrame(topic: string, { lastError = '', failingSince, failing }: SourceHealth): Buffer {
  const data: Failing = { topic, error: lastError, since: failingSince, failures: failing };
  return encodeFrame({ type: 'chimed.failing', data });
}

/** Why a topic that clients provide has no source. */
export const NOBODY_PROVIDES = 'no client provides it';

/** `chimed.failing` of a topic that does not exist, but will once a client provides it. */
export function unprovidedFrame(topic: string): Buffer {
  const data: Failing = { topic, error: NOBODY_PROVIDES, since: Date.now(), failures: 1 };
  return encodeFrame({ type: 'chimed.failing', data });
}

/** `chimed.wanted`: what the provider of a topic is told when somebody listens. */
export function wantedFrame(data: Wanted): Buffer {
  return encodeFrame({ type: 'chimed.wanted', data });
}

/** `chimed.unwanted`: what it is told when nobody does any more. */
export function unwantedFrame(topic: string): Buffer {
  return encodeFrame({ type: 'chimed.unwanted', data: { topic } satisfies Unwanted });
}

/** `chimed.recovered`: what they are told when it has recovered. */
export function recoveredFrame(topic: string, failures: number): Buffer {
  const data: Recovered = { topic, failures };
  return encodeFrame({ type: 'chimed.recovered', data });
}
