import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The licences of some packages, as these ask for.
 * @param packages Their folders, relative to the root.
 * @throws if a package has no licence.
 */
export function licences(root: string, packages: readonly string[]): string {
  return packages.map((path) => licence(join(root, path))).join(`\n${'-'.repeat(80)}\n\n`);
}

function licence(path: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  const file = readdirSync(path).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? textIn(join(path, 'README.md')) : readFileSync(join(path, file), 'utf8');
  if (!text) throw new Error(`the package ${name} has no licence that could be handed on`);
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/** Some packages have it in their README only. */
function textIn(readme: string): string | undefined {
  return existsSync(readme)
    ? /^#+ *licen[cs]e\b.*$([^]*)/im.exec(readFileSync(readme, 'utf8'))?.[1]
    : undefined;
}
