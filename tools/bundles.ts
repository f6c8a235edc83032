/** The bundles that are published: the programs, the client library, and what tests of other programs use. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';

import { UNBUNDLED } from '../src/service/layout.ts';
import { lineTable } from './line-table.ts';

export const root = join(import.meta.dirname, '..');

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22.13',
  external: [...UNBUNDLED],
  logLevel: 'warning',
  metafile: true,
} satisfies BuildOptions;

/**
 * Builds, for Node, and escapes what esbuild leaves beyond ASCII: in comments and regular expressions. A single such
 * character has V8 keep two bytes for each of the file.
 */
async function bundle(options: Omit<BuildOptions, keyof typeof common>): Promise<Metafile> {
  const { metafile } = await build({ ...common, ...options });
  for (const output of Object.keys(metafile.outputs)) {
    if (!output.endsWith('.js')) continue;
    const file = join(root, output);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/[^\0-\x7f]/g, escaped));
  }
  return metafile;
}

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** As CommonJS: Node takes less time and memory for it than for an ES module. */
export async function buildPrograms(dist: string): Promise<Metafile> {
  const entries = [
    'cli/main',
    'cli/program',
    'cli/serve',
    'cli/web',
    'cli/nats',
    'cli/top',
    'cli/where',
    'cli/complete-topics',
    'sources/modules/module-process',
    'config/load-process',
  ];
  const metafile = await bundle({
    entryPoints: entries.map((entry) => `src/${entry}.ts`),
    outdir: join(dist, 'cli'),
    entryNames: '[name]', // Each finds the others beside it.
    format: 'cjs',
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.url': '__url',
    },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
    // The first lines see to it that the rest is compiled once, and the daemon loads nothing of the other commands.
    plugins: [
      apart('./program.ts'),
      apart('./serve.ts'),
      apart('./web.ts'),
      apart('./nats.ts'),
      apart('./top.ts'),
      apart('./where.ts'),
      apart('./complete-topics.ts'),
    ],
    sourcemap: 'external',
  });
  writeFileSync(join(dist, 'cli/package.json'), '{ "type": "commonjs" }\n');
  for (const logs of ['serve', 'web', 'nats']) {
    const table = lineTable(join(dist, `cli/${logs}.js`), join(root, 'src'));
    writeFileSync(join(dist, `cli/${logs}.lines.json`), table);
  }
  for (const output of Object.keys(metafile.outputs)) if (output.endsWith('.map')) rmSync(join(root, output));
  return metafile;
}

/**
 * The client library, which `chimed` and `chimed-client` both contain. An ES module that also works when a bundler makes
 * CommonJS of it: node-ipc asks for its URL, and never needs it. Without indentation it is 26 KB smaller; names and lines
 * stay, so that stack traces can be read.
 */
export async function buildLibrary(dist: string): Promise<Metafile> {
  const metafile = await bundle({
    entryPoints: ['src/index.ts'],
    outdir: dist,
    format: 'esm',
    define: { 'import.meta.url': '"file:///"' },
    minifyWhitespace: true,
    lineLimit: 120,
  });
  return metafile;
}

/** Packages that nobody needs to install, since a bundle contains them, but that are shipped: by their folders. */
export const VENDORED: readonly string[] = ['node_modules/uplot'];

/**
 * The page of the gateway, as it is served: the browser gets these files and asks for no others.
 */
export async function buildPage(dist: string): Promise<Metafile> {
  const source = 'src/gateway/page';
  const { metafile } = await build({
    ...common,
    external: [],
    entryPoints: ['page.ts', 'early-theme.ts', 'login.ts', 'page.css'].map((file) => `${source}/${file}`),
    outdir: join(dist, 'gateway/page'),
    tsconfig: `${source}/tsconfig.json`,
    platform: 'browser',
    target: ['chrome123', 'firefox121', 'safari17.5'], // The first that know `light-dark()`.
    format: 'esm',
    minify: true,
  });
  for (const file of ['index.html', 'login.html'])
    copyFileSync(join(root, source, file), join(dist, 'gateway/page', file));
  return metafile;
}

/** The daemon for other programs' tests. */
export async function buildTesting(dist: string): Promise<Metafile> {
  const metafile = await bundle({
    entryPoints: ['src/testing.ts'],
    outdir: dist,
    format: 'esm',
    plugins: [apart('./index.ts')],
  });
  return metafile;
}

/** Folders of the packages that bundles are made of, relative to the root. */
export function packagesIn(metafiles: readonly Metafile[]): string[] {
  const files = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const packages = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(packages)].toSorted();
}

/** What package.json says, as far as the tools need it. */
export type Manifest = Record<'name' | 'version' | 'license', string> & Record<string, unknown>;

/** @param folder Relative to the root, or absolute. */
export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(resolve(root, folder, 'package.json'), 'utf8')) as Manifest;
}

/** Leaves a module to a file of its own. */
function apart(path: string): Plugin {
  return {
    name: 'apart',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\// }, (asked) =>
        asked.path === path ? { path: path.replace(/\.ts$/, '.js'), external: true } : undefined,
      );
    },
  };
}
