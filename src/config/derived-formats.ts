import type { Threshold } from '../sources/derived/condition.ts';
import type { Derivation } from '../sources/derived/derived.ts';
import { parsePointer } from '../sources/derived/json-pointer.ts';
import { reductions } from '../sources/derived/window.ts';
import type { Reduction } from '../sources/derived/window.ts';
import { plainFault } from './format.ts';
import type { Format } from './format.ts';

/** What a timer can wait for, in milliseconds. */
const SHORTEST_MS = 10;
const LONGEST_MS = 2 ** 31 - 1;

const TAKE = new RegExp(`^(${reductions.join('|')}) over (.+)$`);
const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/;
const WHEN = new RegExp(`^(above|below) (${NUMBER.source})(?: for (.+))?$`);

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
      fault: (value) => takeFault(value, parseDuration),
      shape: { type: 'string', pattern: TAKE.source },
    },
    when: {
      expected: 'a condition, such as above 4, or below 0.5 for 30s',
      check: (value) => parseWhen(value, parseDuration) !== undefined,
      fault: (value) => whenFault(value, parseDuration),
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

function takeFault(value: unknown, parseDuration: (text: unknown) => number): string {
  const [, reduction, period] = (typeof value === 'string' && /^(\S+) over (.+)$/.exec(value)) || [];
  if (reduction === undefined) return plainFault(value);
  if (!reductions.includes(reduction as Reduction)) return `${reduction} is none of ${reductions.join(', ')}`;
  return periodFault(period!, parseDuration);
}

function whenFault(value: unknown, parseDuration: (text: unknown) => number): string {
  if (typeof value !== 'string') return plainFault(value);
  const [, sign] = /^([<>=]+)/.exec(value) ?? [];
  if (sign !== undefined) return `it begins with ${sign}; write ${words[sign] ?? 'above or below'} instead`;
  const [, limit, period] = /^(?:above|below) (\S+)(?: for (.+))?$/.exec(value) ?? [];
  if (limit === undefined) return plainFault(value);
  if (!WHEN.test(`above ${limit}`) || !Number.isFinite(Number(limit)))
    return `${limit} is not a plain number, such as 4 or 0.5`;
  return period === undefined ? plainFault(value) : periodFault(period, parseDuration);
}

const words: Record<string, string> = { '>': 'above', '<': 'below' };

function periodFault(period: string, parseDuration: (text: unknown) => number): string {
  const withUnit = `${period}s`;
  if (/^\d/.test(period) && isTimer(parseDuration(withUnit)))
    return `${period} has no unit; write ${withUnit}`;
  if (Number.isNaN(parseDuration(period))) return `${period} is not a duration, such as 30s or 5m`;
  return `${period} is not between ${SHORTEST_MS}ms and 24d`;
}

/** Reports whether a timer can wait for so long. */
function isTimer(ms: number): boolean {
  return ms >= SHORTEST_MS && ms <= LONGEST_MS;
}
