import type { Failing, Frame, Recovered } from '../protocol/messages.ts';
import { readTalk } from './talk.ts';

/** What travels on the subject of a topic. */
export type FleetFrame =
  | {
      kind: 'message';
      message: Required<Pick<Frame, 'data' | 'seq' | 'time' | 'instance'>> & { stale?: true };
    }
  | { kind: 'failing'; failing: Failing }
  | { kind: 'recovered'; recovered: Recovered };

const INSTANCE = /^[\w-]{1,100}$/;

/** Reads what came on the subject of a topic. @returns undefined if it is not what belongs there. */
export function readFrame(topic: string, bytes: Uint8Array): FleetFrame | undefined {
  const { type, data, seq, time, instance, stale } = readTalk(bytes) ?? {};
  if (type === topic) {
    const isNumbered = isCount(seq) && seq > 0 && Number.isSafeInteger(time);
    if (!isNumbered || typeof instance !== 'string' || !INSTANCE.test(instance) || data === undefined)
      return undefined;
    return {
      kind: 'message',
      message: { data, seq, time: time as number, instance, ...(stale === true && { stale }) },
    };
  }
  const { topic: named, error, since, failures } = (data ?? {}) as Record<string, unknown>;
  if (named !== topic) return undefined;
  if (type === 'chimed.failing' && typeof error === 'string')
    return { kind: 'failing', failing: { topic, error, since: Number(since), failures: Number(failures) } };
  if (type === 'chimed.recovered')
    return { kind: 'recovered', recovered: { topic, failures: Number(failures) } };
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
