import { isUtf8 } from 'node:buffer';

/** Characters that are shown of a text which a peer chose: enough to recognise it, too few to fill a log. */
const LONGEST_EXCERPT = 60;

/** The beginning of a text, with an ellipsis if something was cut off. */
export function clipped(text: string, length = LONGEST_EXCERPT): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Names of which some were left out, and at their end how many. @param count How many there are in all. */
export function withRest(names: readonly string[], count: number): string[] {
  const left = count - names.length;
  return left > 0 ? [...names, `and ${left} more`] : [...names];
}

/** The text of some bytes, without the byte order mark that some editors begin a file with. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new TypeError('it is not UTF-8; encode binary data as base64');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
