import { inspect } from 'node:util';

import { ChimedError, messageOf } from '../errors.ts';
import { toJson } from '../protocol/json.ts';
import type { OriginNumbers } from '../protocol/messages.ts';
import { isPattern, isTopic } from '../protocol/names.ts';
import { isInstance, isSeq, isTime } from '../protocol/number-bounds.ts';
import type { ProvideHandler } from './provided.ts';

/** @throws {ChimedError} `bad-request` for a text that is neither a topic nor a pattern. */
export function checkPatterns(patterns: readonly string[]): void {
  for (const pattern of patterns) {
    if (isPattern(pattern)) continue;
    const message = `${JSON.stringify(pattern)} is neither a topic nor a pattern such as host.> or host.*`;
    throw new ChimedError('bad-request', message);
  }
}

/** @throws {ChimedError} `bad-request` for a value that is not the name of a topic. */
export function checkedTopic(topic: string): string {
  if (typeof topic === 'string' && isTopic(topic)) return topic;
  throw new ChimedError('bad-request', `${JSON.stringify(topic)} is not the name of a topic`);
}

/**
 * The JSON of a payload.
 * @throws {ChimedError} `bad-request` for a value that JSON cannot represent, such as NaN, a Map or a circular structure.
 */
export function carried(data: unknown): string {
  try {
    return toJson(data);
  } catch (error) {
    throw new ChimedError('bad-request', `the data cannot be sent: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws {ChimedError} `bad-request` for numbers that the daemon would refuse. */
export function checkNumbers({ instance, seq, time }: OriginNumbers): void {
  if (!isInstance(instance)) throw badNumber('instance', '1 to 100 letters, digits, `_` or `-`', instance);
  if (!isSeq(seq)) throw badNumber('seq', 'a whole number from 1 to 2^52', seq);
  if (!isTime(time)) throw badNumber('time', 'whole milliseconds since the epoch', time);
}

function badNumber(field: string, expected: string, value: unknown): ChimedError {
  return new ChimedError('bad-request', `${field} must be ${expected}, but it is ${inspect(value)}`);
}

/** Reports whether a value has the two functions of a handler. */
export function isHandler(value: unknown): value is ProvideHandler {
  const { wanted, unwanted } = (value ?? {}) as Partial<ProvideHandler>;
  return typeof wanted === 'function' && typeof unwanted === 'function';
}
