/**
 * What a key must not have: characters that command a terminal or change how a line reads, and halves of surrogate pairs,
 * which UTF-8 cannot tell from one another.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What bounds the series of payloads. */
export const limits = {
  /** Of one topic. */
  perTopic: 500,
  /** Of all topics together. */
  inAll: 10_000,
  /** Parts of a payload that are looked at, so that a huge one costs little. */
  parts: 10_000,
  /** Names and positions in a key. */
  levels: 8,
  /** Characters of a key. */
  keyLength: 200,
} as const;

/** The numbers of a payload that are series, by their keys, and how many of those that were looked at are not. */
export interface PayloadNumbers {
  numbers: Map<string, number>;
  leftOut: number;
}

/**
 * Finds the numbers in a payload; true and false are 1 and 0. Keys are JSON pointers without the first slash: `0`, `used`,
 * `cpu/0/user`; that of a payload which is a number itself is empty.
 * @param most How many there may be.
 */
export function numbersOf(payload: unknown, most: number): PayloadNumbers {
  const numbers = new Map<string, number>();
  let leftOut = 0;
  let parts = 0;
  const visit = (value: unknown, key: string, level: number): void => {
    if (typeof value === 'number' || typeof value === 'boolean') {
      if (numbers.size < most && level <= limits.levels && isUsable(key)) numbers.set(key, Number(value));
      else leftOut++;
    } else if (typeof value === 'object' && value !== null) {
      const isList = Array.isArray(value);
      for (const [name, part] of isList ? value.entries() : Object.entries(value)) {
        if (++parts > limits.parts) return;
        const step = isList ? String(name) : escaped(String(name));
        // A long key is not made longer at each level.
        const path = level === 0 ? step : key.length > limits.keyLength ? key : `${key}/${step}`;
        visit(part, path, level + 1);
      }
    }
  };
  visit(payload, '', 0);
  return { numbers, leftOut };
}

function isUsable(key: string): boolean {
  return key.length <= limits.keyLength && !UNPRINTABLE.test(key);
}

function escaped(name: string): string {
  return name.includes('~') || name.includes('/') ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name;
}
