/**
 * The software bill of materials, in CycloneDX's form. Without options it prints that of the package; with a version of Node
 * and an architecture, that of an installation which brings both. Usage: sbom.ts [--node 24.21.0 --arch x64]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { VENDORED, manifestOf, root } from './bundles.ts';

interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  scope?: string;
  [field: string]: unknown;
}

/** As far as we change it. */
export interface Bill {
  metadata: { component: Component; [field: string]: unknown };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
  [field: string]: unknown;
}

interface Lockfile {
  packages: Record<string, { name?: string; version?: string; dev?: boolean }>;
}

/** Koffi's native parts, one for each kind of machine. */
const NATIVE = '@koromix/koffi-';

/** The bill of all packages that chimed depends on at run time or contains, by the lockfile: the same for each build of a commit. */
export function bill(): Bill {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const text = execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  // Without a random number, and without what says when and by which npm the bill was made.
  const { serialNumber: _, metadata, ...rest } = JSON.parse(text) as Bill;
  const { timestamp: __, tools: ___, ...about } = metadata;
  const forUse = packagesForUse();
  const isForUse = (component: Component): boolean => forUse.has(component['bom-ref']);
  // For npm, a package that only the bundles contain is for development.
  const components = rest.components.map((component) =>
    VENDORED.some((path) => path.endsWith(`/${component.name}`))
      ? { ...component, scope: 'required', properties: [] }
      : component,
  );
  return billOf({ name: manifestOf('').name }, isForUse, { ...rest, components, metadata: about });
}

/** By the lockfile: `npm sbom --omit dev` also omits packages that are needed for both use and development (npm 11.19). */
function packagesForUse(): Set<string> {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile;
  const entries = Object.entries(packages).filter(
    ([path, { dev }]) => path !== '' && (!dev || VENDORED.includes(path)),
  );
  return new Set(
    entries.map(([path, { name, version }]) => `${name ?? path.split('node_modules/').at(-1)}@${version}`),
  );
}

/** The part of a bill that is about some packages, as the bill of a component made of them. */
export function billOf(
  component: Partial<Component>,
  isPart: (component: Component) => boolean,
  whole: Bill,
): Bill {
  const inner = whole.components.filter(isPart);
  const former = whole.metadata.component;
  const outer = { ...former, ...component };
  const refs = new Map(inner.map((entry) => [entry['bom-ref'], entry['bom-ref']]));
  refs.set(former['bom-ref'], outer['bom-ref']);
  return {
    ...whole,
    metadata: { ...whole.metadata, component: outer },
    components: inner,
    dependencies: whole.dependencies.flatMap(({ ref, dependsOn }) => {
      const own = refs.get(ref);
      return own === undefined
        ? []
        : [{ ref: own, dependsOn: dependsOn.flatMap((other) => refs.get(other) ?? []) }];
    }),
  };
}

/**
 * The bill of an installation for one kind of machine that brings its own Node.
 * @param version Node's, such as `24.21.0`.
 * @param arch As `process.arch` says it.
 * @throws if koffi has no native part for such a machine.
 */
export function billWithNode(version: string, arch: string, whole: Bill = bill()): Bill {
  const native = `${NATIVE}linux-${arch}`;
  if (!whole.components.some(({ name }) => name === native))
    throw new Error(`There is no ${native} in package-lock.json (--arch ${arch}).`);
  const packages = billOf({}, ({ name }) => !name.startsWith(NATIVE) || name === native, whole);
  const node = `node@${version}`;
  const owner = packages.metadata.component['bom-ref'];
  return {
    ...packages,
    components: [
      ...packages.components.map((component) => ({ ...component, scope: 'required' })),
      {
        'bom-ref': node,
        type: 'platform',
        name: 'node',
        version,
        scope: 'required',
        purl: `pkg:generic/node@${version}`,
        cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
        licenses: [{ license: { id: 'MIT' } }],
      },
    ],
    dependencies: [
      ...packages.dependencies.map(({ ref, dependsOn }) => ({
        ref,
        dependsOn: ref === owner ? [...dependsOn, node] : dependsOn,
      })),
      { ref: node, dependsOn: [] },
    ],
  };
}

/** As it is written to a file. */
export function printed(it: Bill): string {
  return `${JSON.stringify(it, undefined, 2)}\n`;
}

if (import.meta.main) {
  const { node, arch } = parseArgs({
    options: { node: { type: 'string' }, arch: { type: 'string' } },
  }).values;
  if ((node === undefined) !== (arch === undefined))
    throw new Error('Give both --node and --arch, or neither.');
  process.stdout.write(printed(node === undefined ? bill() : billWithNode(node, arch!)));
}
