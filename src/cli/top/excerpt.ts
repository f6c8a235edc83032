/** What is kept of one payload. */
const MOST_VALUES = 200;
const MOST_CHARACTERS = 4000;
/** Stands where something was left out. */
const MORE = '…';

interface Budget {
  values: number;
  characters: number;
}

/** A copy of a payload that is small, however large the payload is. `…` marks what is left out. */
export function excerptOf(data: unknown): unknown {
  return copy(data, { values: MOST_VALUES, characters: MOST_CHARACTERS });
}

function copy(value: unknown, budget: Budget): unknown {
  if (typeof value === 'string') return clipped(value, budget);
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? copyList(value, budget) : copyObject(value, budget);
}

function copyList(list: readonly unknown[], budget: Budget): unknown[] {
  const kept: unknown[] = [];
  for (const item of list) {
    if (budget.values-- <= 0) return [...kept, MORE];
    kept.push(copy(item, budget));
  }
  return kept;
}

function copyObject(object: object, budget: Budget): object {
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(object)) {
    if (budget.values-- <= 0) {
      kept.push([MORE, MORE]);
      break;
    }
    kept.push([clipped(key, budget), copy(value, budget)]);
  }
  return Object.fromEntries(kept); // Takes `__proto__` for a name like any other.
}

function clipped(text: string, budget: Budget): string {
  const room = Math.max(budget.characters, 0);
  budget.characters -= text.length;
  if (text.length <= room) return text;
  // Through a buffer, because a slice would keep the whole text in memory.
  return Buffer.from(text.slice(0, room)).toString() + MORE;
}
