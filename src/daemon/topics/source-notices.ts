import type { Failing, Recovered } from '../../protocol/messages.ts';
import { encodeFrame } from '../../transport/frames.ts';
import type { Sampler } from './sampler.ts';

/** `chimed.failing`: what the listeners of a topic are told while its source fails. */
export function failingFrame(topic: string, { lastError = '', failingSince, failing }: Sampler): Buffer {
  const data: Failing = { topic, error: lastError, since: failingSince, failures: failing };
  return encodeFrame({ type: 'chimed.failing', data });
}

/** `chimed.recovered`: what they are told when it has recovered. */
export function recoveredFrame(topic: string, failures: number): Buffer {
  const data: Recovered = { topic, failures };
  return encodeFrame({ type: 'chimed.recovered', data });
}
