import { types } from 'node:util';

/**
 * The JSON of a value that JSON carries as it is. What JSON.stringify would turn into something else (null for what is
 * no number, {} for a Map) is refused; only members that are undefined are left out, as is usual.
 * @throws {TypeError} that says what JSON cannot carry, and of which member it is the value.
 */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value, refuseLoss) as string | undefined;
  if (json === undefined) throw new TypeError('there is no value that JSON can represent');
  return json;
}

function refuseLoss(this: unknown, key: string, value: unknown): unknown {
  const lost = lossOf(value, (this as Record<string, unknown>)[key], Array.isArray(this));
  if (lost === undefined) return value;
  throw new TypeError(`the payload has ${lost}${key && ` at ${key}`}, which JSON cannot represent`);
}

/** @param original What `value` was before its `toJSON`. */
function lossOf(value: unknown, original: unknown, isElement: boolean): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'bigint':
      return 'a bigint';
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    case 'undefined':
      return isElement ? 'undefined' : undefined;
    case 'object':
      return value === null ? (types.isDate(original) ? 'an invalid date' : undefined) : hiddenIn(value);
    default:
      return undefined;
  }
}

/** Objects whose content JSON does not see. */
function hiddenIn(value: object): string | undefined {
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isPromise(value)) return 'a Promise';
  if (types.isNativeError(value)) return 'an Error';
  if (types.isAnyArrayBuffer(value) || types.isTypedArray(value)) return 'bytes (encode them as base64)';
  return undefined;
}

/**
 * Parses JSON. A number that JavaScript cannot hold as it is written (an integer beyond 2^53, or one beyond all bounds)
 * stays the text that was written.
 * @throws {SyntaxError} if it is not JSON.
 */
export function parseJson(text: string): unknown {
  return MAYBE_LARGE.test(text) ? JSON.parse(text, keepLarge as Reviver) : JSON.parse(text);
}

type Reviver = Parameters<typeof JSON.parse>[1];

/** What any number that JavaScript cannot hold has in it. */
const MAYBE_LARGE = /\d{16}|[eE]\+?\d{3}/;

function keepLarge(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  const isHeld = /^-?\d+$/.test(source) ? Number.isSafeInteger(value) : Number.isFinite(value);
  return isHeld ? value : source;
}
