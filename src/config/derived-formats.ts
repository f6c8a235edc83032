import type { Threshold } from '../sources/derived/condition.ts';
import type { Derivation } from '../sources/derived/derived.ts';
import { parsePointer } from '../sources/derived/json-pointer.ts';
import { reductions } from '../sources/derived/window.ts';
import type { Reduction } from '../sources/derived/window.ts';
import type { Format } from './format.ts';

const TAKE = new RegExp(`^(${reductions.join('|')}) over (.+)$`);
const WHEN = /^(above|below) ([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?: for (.+))?$/;

/**
 * How a topic is made of another one.
 * @param parseDuration Reads a duration; NaN if it is none.
 */
export function derivedFormats(parseDuration: (text: unknown) => number) {
  return {
    pointer: {
      expected: 'a JSON pointer, such as /0 or /cores/0',
      check: (value) => typeof value === 'string' && parsePointer(value) !== undefined,
      shape: { type: 'string', pattern: '^(/([^~/]|~[01])*)*$' },
    },
    take: {
      expected: `one of ${reductions.join(', ')} and a period, such as avg over 1m`,
      check: (value) => parseTake(value, parseDuration) !== undefined,
      shape: { type: 'string', pattern: TAKE.source },
    },
    when: {
      expected: 'a condition, such as above 4, or below 0.5 for 30s',
      check: (value) => parseWhen(value, parseDuration) !== undefined,
      shape: { type: 'string', pattern: WHEN.source },
    },
  } satisfies Record<string, Format>;
}

/** Undefined if it is none. */
export function parseTake(
  value: unknown,
  parseDuration: (text: unknown) => number,
): Derivation['take'] | undefined {
  const [, reduction, period] = (typeof value === 'string' && TAKE.exec(value)) || [];
  const overMs = parseDuration(period);
  return isTimer(overMs) ? { reduction: reduction as Reduction, overMs } : undefined;
}

/** Undefined if it is none. */
export function parseWhen(value: unknown, parseDuration: (text: unknown) => number): Threshold | undefined {
  const [, side, limit, period] = (typeof value === 'string' && WHEN.exec(value)) || [];
  if (side === undefined || !Number.isFinite(Number(limit))) return undefined;
  const threshold = { side: side as Threshold['side'], limit: Number(limit) };
  if (period === undefined) return threshold;
  const forMs = parseDuration(period);
  return isTimer(forMs) ? { ...threshold, forMs } : undefined;
}

/** Reports whether a timer can wait for so long. */
function isTimer(ms: number): boolean {
  return ms >= 10 && ms < 2 ** 31;
}
