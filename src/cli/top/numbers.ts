/** Numbers that are followed in each payload. */
const MOST_NUMBERS = 16;

/** The first numbers in a payload, by their places: `used`, `disks.0.free`, or an empty text for a payload that is a number. */
export function placedNumbers(data: unknown): Map<string, number> {
  const found = new Map<string, number>();
  collect(data, '', found);
  return found;
}

function collect(value: unknown, place: string, found: Map<string, number>): void {
  if (found.size >= MOST_NUMBERS) return;
  if (typeof value === 'number') found.set(place, value);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value))
    collect(item, place === '' ? key : `${place}.${key}`, found);
}
