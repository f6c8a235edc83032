/** Levels of arrays and objects that a payload may nest. Many languages' parsers give up soon after 64. */
export const MOST_LEVELS = 64;

/** Reports whether JSON nests more levels than so many. */
export function isDeeperThan(levels: number, json: string): boolean {
  if (json.length < 2 * levels) return false; // Each has a beginning and an end.
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth > levels) return true;
  }
  return false;
}
