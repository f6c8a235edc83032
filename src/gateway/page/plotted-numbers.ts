/** Numbers that are followed of each topic. */
export const MOST_NUMBERS = 8;
/** Values that are looked at: a payload can be large. */
const MOST_VALUES = 1000;
const DEEPEST = 4;

export interface PayloadNumber {
  /** Where it is in the payload, such as `disk.0.free`; empty if the payload is the number. */
  path: string;
  value: number;
}

/** The first numbers in a payload, and whether there are more. */
export function plottedNumbers(payload: unknown): { numbers: PayloadNumber[]; more: boolean } {
  const numbers: PayloadNumber[] = [];
  let left = MOST_VALUES;
  const visit = (value: unknown, path: string, depth: number): boolean => {
    if (left-- === 0) return false;
    if (typeof value === 'number') {
      if (numbers.length === MOST_NUMBERS) return false;
      numbers.push({ path, value });
    } else if (typeof value === 'object' && value !== null && depth < DEEPEST) {
      for (const key in value) {
        const inner = (value as Record<string, unknown>)[key];
        if (!visit(inner, path === '' ? key : `${path}.${key}`, depth + 1)) return false;
      }
    }
    return true;
  };
  return { more: !visit(payload, '', 0), numbers };
}
