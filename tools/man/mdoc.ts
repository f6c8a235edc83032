/** The language of manual pages, as far as ours need it: mdoc(7). */

import { PAGE_MARK } from '../../src/service/shared-files.ts';

/** Lines of the source are not longer than this, where they can be broken. */
const COLUMNS = 78;
const SENTENCE_END = /[.!?](?:[")\]]|\\\(aq|\\fR)*$/;

/** Characters that are requests or escapes, or that some programs show as others: what is copied from a page must work. */
const escapes: Readonly<Record<string, string>> = {
  '\\': String.raw`\e`,
  '-': String.raw`\-`,
  "'": String.raw`\(aq`,
  '`': String.raw`\(ga`,
  '^': String.raw`\(ha`,
  '~': String.raw`\(ti`,
};

/** Text that is shown as it is. */
export function escaped(text: string): string {
  return text.replaceAll(/[\\'`^~-]/g, (character) => escapes[character]!);
}

/** Text that stands out, and is never hyphenated: a word of a program or a file. It ends no sentence. */
export function literal(text: string): string {
  const words = escaped(text).replaceAll(/\S+/g, String.raw`\%$&`);
  return String.raw`\fB${words}\fR` + (/[.!?]$/.test(text) ? String.raw`\&` : '');
}

export function emphasized(text: string): string {
  return String.raw`\fI${text}\fR`;
}

/** Escaped text as lines of the source; a sentence begins a line. */
export function running(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== '' && (SENTENCE_END.test(line) || line.length + word.length >= COLUMNS)) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter(Boolean).map(unmarked);
}

/** Lines that are shown as they are. */
export function verbatim(text: string): string[] {
  return ['.Bd -literal -offset indent', ...text.split('\n').map((line) => unmarked(escaped(line))), '.Ed'];
}

/** A line that begins with a full stop would be a request. */
function unmarked(line: string): string {
  return line.startsWith('.') ? String.raw`\&${line}` : line;
}

/** An argument of a macro: one word, which is no macro itself. */
export function argument(text: string): string {
  const word = escaped(text).replaceAll('"', '""');
  return /[\s"]/.test(text)
    ? `"${word}"`
    : /^[A-Z][a-z]$|^[.,;:?!()[\]|]$/.test(text)
      ? String.raw`\&${word}`
      : word;
}

export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.Sh ${title.toUpperCase()}`, ...lines];
}

export function subsection(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.Ss ${title}`, ...lines];
}

/** Paragraphs of lines. Lists and displays make their own space. */
export function paragraphs(all: readonly (readonly string[])[]): string[] {
  return all
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index > 0 && !/^\.B[dl] /.test(lines[0]!) ? ['.Pp', ...lines] : lines));
}

/** A list of things and what is said of each. @param entries What follows `.It`, and the lines below it. */
export function list(entries: readonly (readonly [tag: string, lines: readonly string[]])[]): string[] {
  if (entries.length === 0) return [];
  return ['.Bl -tag -width Ds', ...entries.flatMap(([tag, lines]) => [`.It ${tag}`, ...lines]), '.El'];
}

/** A whole page. */
export interface Page {
  name: string;
  section: 1 | 5 | 7;
  /** A line that says what it is about, without a full stop. */
  about: string;
  body: readonly string[];
  /** Pages to read as well. */
  seeAlso: readonly { name: string; section: number }[];
}

/** What is the same in all pages. */
export interface Edition {
  version: string;
  date: Date;
}

export function pageText(page: Page, { version, date }: Edition): string {
  const { name, about, body, seeAlso } = page;
  const day = new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(date);
  const others = seeAlso
    .filter((other) => other.name !== name)
    .toSorted((one, other) => one.section - other.section || (one.name < other.name ? -1 : 1));
  const lines = [
    PAGE_MARK,
    `.Dd ${day}`,
    `.Dt ${name.toUpperCase()} ${page.section}`,
    `.Os chimed ${version}`,
    '.Sh NAME',
    `.Nm ${name}`,
    `.Nd ${about}`,
    ...body,
    ...section(
      'See also',
      others.map(
        (other, index) => `.Xr ${other.name} ${other.section}${index < others.length - 1 ? ' ,' : ''}`,
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
