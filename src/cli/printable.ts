/**
 * Characters by which a text commands the terminal that shows it, or changes how a line reads: control characters, and
 * Unicode's marks of lines and of the direction of writing.
 */
const COMMANDING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text from elsewhere as one line that commands nothing: such characters are shown, not obeyed. */
export function printable(text: string): string {
  return text.replace(COMMANDING, (character) => (character === '\t' ? character : shown(character)));
}

/** The same, line by line. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** A name in a table, where blanks stand between columns: in quotes if it could be taken for several cells. */
export function printableCell(text: string): string {
  const cell = printable(text);
  return /^$|^-$|^[\s"]|\s$|\s\s|\t/.test(cell) ? JSON.stringify(cell) : cell;
}

/** JSON that commands nothing: it is the same JSON, with such characters escaped. */
export function printableJson(json: string): string {
  return json.replace(COMMANDING, (character) =>
    character === '\n' || character === '\t' ? character : `\\u${hex(character, 4)}`,
  );
}

/** A line that was made for the terminal, colours and all, of a text whose control characters are escaped already. */
export function printableLine(line: string): string {
  return line.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, shown);
}

function shown(character: string): string {
  return character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
