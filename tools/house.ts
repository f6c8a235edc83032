/** Draws which part of the source imports which, and writes the pictures into docs/design.md. Usage: house.ts */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');
const DOCUMENT = join(root, 'docs/design.md');

/** Which part imports which others. */
type Imports = Map<string, Set<string>>;

/** The document with pictures of the source as it is now. */
export function withPictures(document: string): string {
  return [...document.matchAll(/<!-- picture of (\S+) -->\n/g)].reduce(
    (text, [mark, folder]) =>
      text.replace(
        new RegExp(`(${mark})(?:\`\`\`mermaid\n[^]*?\`\`\`\n)?`),
        `$1${pictureOf(join(root, folder!))}`,
      ),
    document,
  );
}

function pictureOf(folder: string): string {
  const imports = withoutDetours(partsOf(folder, importsIn(folder)));
  const lines = [...imports].flatMap(([from, others]) => [...others].map((to) => `  ${from} --> ${to}`));
  return `\`\`\`mermaid\nflowchart TD\n${lines.toSorted().join('\n')}\n\`\`\`\n`;
}

/** Of the folders in a folder, and of the files beside them. */
function importsIn(folder: string): Imports {
  const imports: Imports = new Map();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
    const from = partOf(file);
    for (const [, path] of readFileSync(join(folder, file), 'utf8').matchAll(
      /(?:from |import\()'(\.[^']+)'/g,
    )) {
      const to = relative(folder, resolve(dirname(join(folder, file)), path!));
      if (to.startsWith('..') || partOf(to) === from) continue;
      imports.set(from, (imports.get(from) ?? new Set()).add(partOf(to)));
    }
  }
  return imports;
}

/** The folders, and the files that import at least two of them. */
function partsOf(folder: string, imports: Imports): Imports {
  const folders = new Set(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name),
  );
  const parts = new Set([
    ...folders,
    ...[...imports].filter(([, others]) => others.intersection(folders).size > 1).map(([part]) => part),
  ]);
  return new Map(
    [...imports]
      .filter(([part]) => parts.has(part))
      .map(([part, others]) => [part, others.intersection(parts)]),
  );
}

/** `daemon` of `daemon/topics/topic.ts`, `errors` of `errors.ts`. */
function partOf(file: string): string {
  return file.split('/')[0]!.replace(/\.ts$/, '');
}

/** What can be reached by way of others is left out: the picture shows floors, and not each step that skips one. */
function withoutDetours(imports: Imports): Imports {
  const reaches = (from: string, to: string): boolean =>
    [...(imports.get(from) ?? [])].some((next) => next === to || reaches(next, to));
  return new Map(
    [...imports].map(([from, others]) => [
      from,
      new Set([...others].filter((to) => ![...others].some((other) => other !== to && reaches(other, to)))),
    ]),
  );
}

if (import.meta.main) writeFileSync(DOCUMENT, withPictures(readFileSync(DOCUMENT, 'utf8')));
