import { ChimedError, messageOf } from '../errors.ts';
import { toJson } from '../protocol/json.ts';
import { isPattern, isTopic } from '../protocol/names.ts';

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
