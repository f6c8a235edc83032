/** Characters that cannot stand for themselves in a pattern: shells give them a meaning that they do not have here. */
const OTHER_WILDCARDS = /[[\]{}]/;

/**
 * Reads a pattern for file names: `*` is any number of characters and `?` is one, but a name that begins with a dot needs a
 * pattern that does. The result takes linear time, whatever the names are.
 * @throws if it has no wildcard, or others than these.
 */
export function parseWildcard(pattern: string): (name: string) => boolean {
  if (OTHER_WILDCARDS.test(pattern)) throw new Error('only * and ? can be wildcards; [ ] { } cannot be used');
  if (!/[*?]/.test(pattern)) throw new Error('its last part has no wildcard');
  const [first = '', ...rest] = pattern.split(/\*+/).map(literally);
  const last = rest.pop();
  // What a group in a lookahead has matched is kept: to find the next part, no earlier one is moved.
  const middle = rest.map((part, index) => `(?=(.*?${part}))\\${index + 1}`).join('');
  const end = last === undefined ? '' : `.*${last}`;
  const dots = pattern.startsWith('.') ? '' : '(?!\\.)';
  const regex = new RegExp(`^${dots}${first}${middle}${end}$`, 'su');
  return (name) => regex.test(name);
}

/** A part without `*`. */
function literally(part: string): string {
  return part.replace(/[\\^$.+|()/]/g, '\\$&').replaceAll('?', '.');
}
