import { CORE_SCHEMA, YAMLException, loadAll, mergeTag } from 'js-yaml';

/** Values that aliases may make of each character; without any, it makes one at most. */
const MAX_GROWTH = 2;

/** A text that is not one document of YAML. Its message is one line and names the place. */
export class YamlError extends Error {
  /** What is wrong, without the place. */
  readonly reason: string;
  /** Line in the text, from 1, where it can be told. */
  readonly line: number | undefined;

  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `line ${line}: ${reason}`);
    this.reason = reason;
    this.line = line;
  }
}

/**
 * Parses a text of one YAML 1.2 document. Those who read the result need not mind aliases: none leads back to
 * where it is used, and all of them together cannot fill the memory.
 * @param options.merge Has `<<` take over the keys of another mapping. @default it is a key like any other
 * @returns null if the text is empty.
 * @throws {YamlError} if it is something else.
 */
export function parseYaml(text: string, { merge = false } = {}): unknown {
  const [value = null, ...others] = parseDocuments(text, merge);
  if (others.length > 0) throw new YamlError(`expected one document, but there are ${others.length + 1}`);
  if (!hasAtMost((text.length + 1) * MAX_GROWTH, value)) {
    throw new YamlError('its aliases are circular, or expand to too much data');
  }
  return value;
}

function parseDocuments(text: string, merge: boolean): unknown[] {
  try {
    return loadAll(text, { schema: merge ? CORE_SCHEMA.withTags(mergeTag) : CORE_SCHEMA });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new YamlError(`not valid YAML: ${error.reason}`, error.mark && error.mark.line + 1);
  }
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
