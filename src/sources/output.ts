import { messageOf } from '../errors.ts';
import { parseJson } from '../protocol/json.ts';

/** What is made of the text that a command prints or a file holds. */
export const outputFormats = ['auto', 'json', 'text', 'number', 'lines', 'nagios'] as const;
export type OutputFormat = (typeof outputFormats)[number];
/** Formats of a text without an exit code. */
export type PlainFormat = Exclude<OutputFormat, 'nagios'>;

/**
 * Makes a payload of a text. `nagios` needs an exit code as well, see `parseNagios`.
 * @throws if the text is none of the format.
 */
export function parseOutput(text: string, format: PlainFormat): unknown {
  switch (format) {
    case 'auto':
      return jsonOrText(text);
    case 'json':
      return json(text);
    case 'text':
      return withoutTrailingNewline(text);
    case 'number':
      return number(text);
    case 'lines':
      return text === '' ? [] : withoutTrailingNewline(text).split(/\r?\n/);
    default:
      return format satisfies never;
  }
}

/** JSON if it parses, else the text. */
export function jsonOrText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return withoutTrailingNewline(text); // Not JSON is not a mistake: it is text.
  }
}

function json(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function number(text: string): number {
  const written = text.trim();
  const value = parseJsonNumber(written);
  if (value === undefined) throw new Error(`it is not a number: ${JSON.stringify(written.slice(0, 40))}`);
  return value;
}

/** Undefined for what JavaScript cannot hold as it is written, too. */
function parseJsonNumber(text: string): number | undefined {
  // A leading + or a missing 0 is usual where people write numbers, and no JSON.
  const plain = text.replace(/^\+/, '').replace(/^(-?)\./, '$10.');
  const value = /^-?\d/.test(plain) ? jsonOrText(plain.replace(/^(-?)0+(?=\d)/, '$1')) : undefined;
  return typeof value === 'number' ? value : undefined;
}

/** A text less the newline that ends its last line. */
function withoutTrailingNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}
