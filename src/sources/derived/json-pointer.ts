/**
 * Reads a JSON pointer (RFC 6901), such as `/cores/0`.
 * @returns its keys; undefined if it is none.
 */
export function parsePointer(text: string): string[] | undefined {
  if (text === '') return [];
  if (!/^(?:\/(?:[^~/]|~[01])*)+$/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What a pointer leads to in a payload; undefined if there is nothing. */
export function valueAt(payload: unknown, keys: readonly string[]): unknown {
  let value = payload;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
