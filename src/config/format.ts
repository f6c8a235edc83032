import { inspect, isDeepStrictEqual } from 'node:util';

/** A kind of value in the configuration. */
export interface Format {
  /** What a person should write, as in "expected …". */
  expected: string;
  check: (value: unknown) => boolean;
  /** What is wrong, as in "but …". It must not repeat a value that can be secret. @default the value itself */
  fault?: (value: unknown) => string;
  /** Says everything, instead of "expected …, but …": for values of many parts, of which one is wrong. */
  mistake?: (value: unknown) => string;
  /** The same as JSON Schema, as far as that can say it: for editors. */
  shape: object;
  /** Reads the text of an environment variable, where the value itself is not a text. */
  fromText?: (text: string) => unknown;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The system ends texts at a NUL character. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

/** Reports whether JSON carries the value as it is: YAML also has infinities, and lists that hold themselves. */
export function isJson(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}

/** Describes a value without repeating it. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  switch (typeof value) {
    case 'string':
      if (value === '') return 'an empty text';
      return value.includes('\0') ? 'a text with a NUL character' : 'a text';
    case 'number':
      return Number.isFinite(value) ? 'a number' : 'no finite number';
    case 'boolean':
      return 'true or false';
    default:
      return value === null ? 'empty' : 'a mapping';
  }
}

/** A mapping where none belongs can be variables or data with wrong indentation, and so secret. */
export function plainFault(value: unknown): string {
  return `it is ${isMapping(value) ? 'a mapping' : shown(value)}`;
}

/** A value as errors show it. JSON would make null of what it cannot carry, such as `.nan`. */
export function shown(value: unknown): string {
  return isJson(value) ? JSON.stringify(value) : inspect(value, { breakLength: Infinity, compact: true });
}
