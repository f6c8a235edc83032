import type { Failing, Frame, Recovered } from '../protocol/messages.ts';
import { isInstance, isSeq, isTime } from '../protocol/number-bounds.ts';
import { readTalk } from './talk.ts';

/** A message with all of its numbers. */
export type NumberedMessage = Required<Pick<Frame, 'data' | 'seq' | 'time' | 'instance'>> &
  Pick<Frame, 'stale'>;

/** What travels on the subject of a topic. */
export type FleetFrame =
  | { kind: 'message'; message: NumberedMessage }
  | { kind: 'failing'; failing: Failing }
  | { kind: 'recovered'; recovered: Recovered };

/** Reads what came on the subject of a topic. @returns undefined if it is not what belongs there. */
export function readFrame(topic: string, bytes: Uint8Array): FleetFrame | undefined {
  const { type, data, seq, time, instance, stale } = readTalk(bytes) ?? {};
  if (type === topic) {
    if (!isInstance(instance) || !isSeq(seq) || !isTime(time) || data === undefined) return undefined;
    return { kind: 'message', message: { data, seq, time, instance, ...(stale === true && { stale }) } };
  }
  const { topic: named, error, since, failures } = (data ?? {}) as Record<string, unknown>;
  if (named !== topic) return undefined;
  if (type === 'chimed.failing' && typeof error === 'string')
    return { kind: 'failing', failing: { topic, error, since: Number(since), failures: Number(failures) } };
  if (type === 'chimed.recovered')
    return { kind: 'recovered', recovered: { topic, failures: Number(failures) } };
  return undefined;
}
