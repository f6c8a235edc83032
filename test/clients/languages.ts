import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { cli, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';

/** A client, how it is built and tried. All commands are run by sh, in the folder of the client. */
export interface Language {
  name: string;
  folder: string;
  /** Programs without which it cannot be tried. */
  needs: readonly string[];
  build?: string;
  /** Its own tests and checks, in its own language's runner. */
  checks: Readonly<Record<string, string>>;
  /** What the conformance suite starts, by the name of the API that it uses. */
  adapters: Readonly<Record<string, string>>;
  /** The dashboard of its README. */
  dashboard: string;
}

const node = `'${process.execPath}'`;

function folderOf(name: string): string {
  return join(root, 'clients', name);
}

const python = '/usr/bin/python3';
/** Cargo looks up optional dependencies, too; Debian has them. */
const cargo = (command: string): string =>
  `PATH=/usr/bin:/bin cargo ${command} --offline --config 'source.crates-io.replace-with="debian"' --config 'source.debian.directory="/usr/share/cargo/registry"'`;

/** The clients in `clients/`. */
export const languages: readonly Language[] = [
  {
    name: 'python',
    folder: folderOf('python'),
    needs: [python, 'mypy'],
    checks: {
      'its own tests': `${python} -m unittest`,
      'mypy --strict': 'mypy --strict . && mypy --strict --python-version 3.9 .',
    },
    adapters: {
      python: `cd '${folderOf('python')}' && exec ${python} -m chimed.conformance`,
      'python asyncio': `cd '${folderOf('python')}' && exec ${python} -m chimed.conformance --asyncio`,
    },
    dashboard: `PYTHONPATH=. exec ${python} examples/dashboard.py`,
  },
  {
    name: 'go',
    folder: folderOf('go'),
    needs: ['/usr/bin/go', 'gcc'],
    build: 'mkdir -p build && go build -o build ./...',
    checks: {
      'its own tests, with the race detector': 'go test -race ./...',
      'go vet': 'go vet ./...',
      gofmt: 'test -z "$(gofmt -l .)"',
    },
    adapters: { go: `exec '${folderOf('go')}/build/conformance'` },
    dashboard: 'exec build/dashboard',
  },
  {
    name: 'rust',
    folder: folderOf('rust'),
    needs: ['/usr/bin/cargo', '/usr/bin/cargo-clippy', '/usr/bin/rustfmt'],
    build: cargo('build --release --examples'),
    checks: {
      'its own tests': cargo('test --features serde'),
      clippy: cargo('clippy --all-targets --features serde').concat(' -- -D warnings'),
      rustfmt: 'PATH=/usr/bin:/bin cargo fmt --check',
    },
    adapters: { rust: `exec '${folderOf('rust')}/target/release/examples/conformance'` },
    dashboard: 'exec target/release/examples/dashboard',
  },
  {
    name: 'c',
    folder: folderOf('c'),
    needs: ['gcc', 'make', 'pkg-config'],
    build: 'make --silent',
    checks: {
      'its own tests': 'make --silent check',
      'its own tests under the sanitizers': 'make --silent check-sanitize',
    },
    adapters: { c: `exec '${folderOf('c')}/build/conformance'` },
    dashboard: 'exec build/dashboard',
  },
  {
    name: 'shell',
    folder: folderOf('shell'),
    needs: ['jq', 'socat', 'shellcheck'],
    checks: {
      'its own tests': './test.bash',
      shellcheck: 'shellcheck chimed.bash conformance test.bash examples/dashboard.bash',
    },
    adapters: { shell: `exec '${folderOf('shell')}/conformance'` },
    dashboard: 'exec examples/dashboard.bash',
  },
];

/** Adapters of clients that are written in TypeScript or JavaScript. */
export const ownAdapters = {
  node: `exec ${node} '${root}/test/conformance/clients/adapters/node.ts'`,
  'node-ipc': `exec ${node} '${root}/test/conformance/clients/adapters/node-ipc.ts'`,
} as const;

/** Where the clients' own tests find a daemon. */
const daemonCommand = `${process.execPath} ${cli}`;

/** Why a client cannot be tried on this machine; undefined if it can. */
export function whyNotTried({ needs }: Language): string | undefined {
  const missing = needs.filter((program) => !has(program));
  return missing.length === 0 ? undefined : `there is no ${missing.join(' and no ')}`;
}

/** Runs a command of a client. @throws with its output if it fails. */
export function run({ folder }: Language, command: string): string {
  return execFileSync('sh', ['-c', command], {
    cwd: folder,
    env: { ...process.env, CHIMED: daemonCommand },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
