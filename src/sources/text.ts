import { parseJson } from '../protocol/json.ts';

/** What a command or a file wrote, less the newline that ends its last line. */
export function withoutTrailingNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** The value of what a program wrote: JSON if it parses, else the text. */
export function jsonOrText(output: string): unknown {
  try {
    return parseJson(output);
  } catch {
    return withoutTrailingNewline(output); // Not JSON is not a mistake: it is text.
  }
}
