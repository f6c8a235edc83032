/** How much work it is to parse a frame. */
export interface FrameShape {
  /** Levels of arrays and objects that it nests. */
  levels: number;
  /** Values that it holds, at most: each array, object, string, number and key. */
  values: number;
}

/** The bytes of JSON's punctuation. UTF-8 has them in no other character. */
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Measures a frame without parsing it: 1 MiB of `[{},{},…` takes 25 MiB and 40 ms to parse, during which no tick
 * comes. What is not JSON gets a shape as well; parsing then says so.
 * @param bytes The frame, without its form feed.
 */
export function frameShape(bytes: Buffer): FrameShape {
  let [depth, levels, values, quoted] = [0, 0, 1, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === COMMA || byte === COLON) values++;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++;
      if (++depth > levels) levels = depth;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return { levels, values };
}
