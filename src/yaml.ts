import { YAMLException, loadAll } from 'js-yaml';

/** Values that aliases may make of each character; without any, it makes one at most. */
const MAX_GROWTH = 10;

/**
 * Parses a text of one YAML 1.2 document. Those who read the result need not mind aliases: none leads back to
 * where it is used, and all of them together cannot fill the memory.
 * @returns null if the text is empty.
 * @throws {YAMLException} if it is something else; where it can be told, its `mark` has the line, from 0.
 */
export function parseYaml(text: string): unknown {
  const [value = null, ...others] = loadAll(text);
  if (others.length > 0) throw new YAMLException(`expected one document, but there are ${others.length + 1}`);
  if (!hasAtMost((text.length + 1) * MAX_GROWTH, value)) {
    throw new YAMLException('its aliases lead to themselves, or make too much of it');
  }
  return value;
}

/** Whether there are so many values at most in one, counted where an alias leads to them as well. */
function hasAtMost(count: number, value: unknown): boolean {
  const waiting = [value];
  for (let seen = 1; waiting.length > 0; seen++) {
    if (seen > count) return false;
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Object.values(next)) waiting.push(inner);
  }
  return true;
}
