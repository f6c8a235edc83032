import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getCallSites } from 'node:util';

/** Where in our code something comes from. */
export interface Origin {
  /** Below the package: `src/daemon/daemon.ts`. */
  file: string;
  line: number;
  function: string;
}

/** Which line of the source a line of the bundle was. */
export interface LineTable {
  files: string[];
  /** Three numbers for each run of lines: its first line, the index of its file (-1: not ours), what to add to a line. */
  runs: number[];
}

/** More than stand between us and who logs. */
const MOST_FRAMES = 12;
/** These pass on what others log. */
const GO_BETWEENS = ['origin', 'logger', 'journal-stream', 'bounded-log'].map((name) => `/${name}.ts`);
const SRC = join(import.meta.dirname, '..');

let table: LineTable | undefined;

/** The line of ours that logs. */
export function originOfCall(): Origin | undefined {
  for (const { scriptName, lineNumber, functionName } of getCallSites(MOST_FRAMES)) {
    const place = placeOf(scriptName, lineNumber);
    if (place && !GO_BETWEENS.some((name) => place.file.endsWith(name)))
      return { ...place, function: functionName };
  }
  return undefined;
}

/** A stack that names the files that people read. */
export function readableStack(stack: string): string {
  return stack.replaceAll(/((?:file:\/\/)?\/[^\s():]+):(\d+):\d+/g, (text, script: string, line: string) => {
    const place = placeOf(script, Number(line));
    return place ? `${place.file}:${place.line}` : text;
  });
}

/** Undefined if it is not ours. */
function placeOf(scriptName: string, line: number): { file: string; line: number } | undefined {
  const script = scriptName.startsWith('file:') ? fileURLToPath(scriptName) : scriptName;
  if (script === import.meta.filename && !script.endsWith('.ts')) return placeInBundle(line);
  return script.startsWith(`${SRC}/`) ? { file: script.slice(dirname(SRC).length + 1), line } : undefined;
}

function placeInBundle(line: number): { file: string; line: number } | undefined {
  table ??= JSON.parse(
    readFileSync(import.meta.filename.replace(/\.js$/, '.lines.json'), 'utf8'),
  ) as LineTable;
  return sourceOf(table, line);
}

/** @returns undefined for a line that is not ours. */
export function sourceOf(
  { files, runs }: LineTable,
  line: number,
): { file: string; line: number } | undefined {
  // Halving: a walk over all runs is work that V8 compiles for speed at the first log line, and that takes 5 MiB.
  let [from, to] = [0, runs.length / 3];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (runs[middle * 3]! <= line) from = middle;
    else to = middle;
  }
  const file = files[runs[from * 3 + 1]!];
  return file === undefined ? undefined : { file, line: line + runs[from * 3 + 2]! };
}
