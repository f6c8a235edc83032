import { YamlError, parseYaml } from '../yaml.ts';
import type { Mistake } from './mistakes.ts';

/** How many are told of at a time. */
const MOST = 10;

/** How many lines of an open quote are looked through for its beginning. */
const MOST_QUOTED_LINES = 100;

/** What the parser says of a line that cannot belong to the quoted value, or the list, that is open. */
const DEFICIENT = /deficient indentation$/;
/** What the parser says of a text that ends within quotes. */
const QUOTED = /within a (single|double) quoted scalar$/;

/** A key, with what is before it. */
const KEY = /^\s*(?:- +)?[^\s:#'"[{][^:#]*:(?= |$)/;

/**
 * All that keeps a text from being YAML. Behind each mistake the rest is read as if its line said nothing.
 * @param error The first mistake.
 */
export function yamlMistakes(text: string, error: YamlError): Mistake[] {
  const lines = text.split('\n');
  const mistakes: Mistake[] = [];
  let before = 0;
  for (let next: YamlError | undefined = error; next && mistakes.length < MOST; next = mistakeIn(lines)) {
    const { reason, line } = openQuote(lines, next) ?? next;
    if (line === undefined) return [...mistakes, { path: [], message: reason }];
    if (line <= before) break; // What follows from a mistake that was told of.
    mistakes.push({ path: [], line, message: reason + hintFor(lines[line - 1] ?? '') });
    lines[line - 1] = KEY.exec(lines[line - 1] ?? '')?.[0] ?? '';
    before = line;
  }
  return mistakes;
}

/**
 * Where the quote was opened that is never closed, if that is the mistake: the parser names the first line that cannot
 * belong to the quoted value any more.
 */
function openQuote(
  lines: readonly string[],
  { reason, line: end = 0 }: YamlError,
): { reason: string; line: number } | undefined {
  if (!DEFICIENT.test(reason) && !QUOTED.test(reason)) return undefined;
  let opened: { reason: string; line: number } | undefined;
  // The error itself can be in the line that opens the quote, if that is the last one.
  for (let line = end; line > 0 && end - line <= MOST_QUOTED_LINES; line--) {
    const text = lines.slice(0, line).join('\n').trimEnd();
    const [, kind] = QUOTED.exec(mistakeIn([text])?.reason ?? '') ?? [];
    if (kind !== undefined) {
      const quote = kind === 'single' ? "'" : '"';
      const message = `not valid YAML: a value that begins with ${quote} must end with ${quote}`;
      opened = { reason: message, line };
    } else if (line < end) break;
  }
  return opened;
}

function mistakeIn(lines: readonly string[]): YamlError | undefined {
  try {
    parseYaml(lines.join('\n'), { merge: true });
    return undefined;
  } catch (error) {
    if (error instanceof YamlError) return error;
    throw error;
  }
}

/** Most mistakes are a missing quote; the parser sees only what it leads to. */
function hintFor(line: string): string {
  const key = KEY.exec(line)?.[0] ?? '';
  const value = line.slice(key.length).trim();
  const [, first] = /(?:^|[[,{] *|: )([*&!%@`])/.exec(value) ?? [];
  if (first !== undefined) return `; a value that begins with ${first} must be in quotes`;
  if (/^'.*'./.test(value)) return '; inside single quotes, write a single quote twice';
  if (/^"[^"]*"./.test(value)) return '; put the whole value in quotes';
  if (/^[^'"[{|>].*: /.test(value)) return '; put a value that contains a colon and a space in quotes';
  return '';
}
