import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from '../../helpers/folder.ts';
import { root } from '../../helpers/program.ts';

const PROGRAMS = join(import.meta.dirname, '../clients');
const CLIENTS = join(root, 'clients');
/** Debian's libraries for Go. */
const GO_LIBRARIES = '/usr/share/gocode';

const folder = temporaryFolder();
process.on('exit', () => folder[Symbol.dispose]());
const built = new Map<string, readonly string[]>();

/** The path of a program in `clients/`. */
export const source = (name: string): string => join(PROGRAMS, name);

/** @param more Sources and libraries. */
export function buildC(name: string, ...more: readonly string[]): readonly string[] {
  return onlyOnce(`c-${name}`, (program) => {
    const options = ['-O2', '-I', join(CLIENTS, 'c')];
    execFileSync('cc', [...options, '-o', program, source(`${name}-subscriber.c`), ...more]);
  });
}

export const chimedForC = join(CLIENTS, 'c/chimed.c');

/** Without modules, Go finds Debian's libraries, and our own, in GOPATH. */
export function buildGo(name: string): readonly string[] {
  return onlyOnce(`go-${name}`, (program) => {
    const path = `${program}-path`;
    mkdirSync(join(path, 'src'), { recursive: true });
    symlinkSync(join(CLIENTS, 'go'), join(path, 'src/chimed'));
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: `${path}:${GO_LIBRARIES}` };
    execFileSync('go', ['build', '-o', program, source(`${name}-subscriber.go`)], { env });
  });
}

/** Without cargo, which would look up the optional dependencies of the library. */
export function buildRust(name: string, rustc: string): readonly string[] {
  return onlyOnce(`rust-${name}`, (program) => {
    const library = folder.file('libchimed.rlib');
    const options = ['--edition', '2021', '-C', 'opt-level=3'];
    const crate = ['--crate-name', 'chimed', '--crate-type', 'rlib', '-o', library];
    execFileSync(rustc, [...options, ...crate, join(CLIENTS, 'rust/src/lib.rs')]);
    const use = ['--crate-name', 'subscriber', '--extern', `chimed=${library}`];
    execFileSync(rustc, [...options, ...use, '-o', program, source(`${name}-subscriber.rs`)]);
  });
}

function onlyOnce(name: string, compile: (program: string) => void): readonly string[] {
  const known = built.get(name);
  if (known) return known;
  const program = folder.file(name);
  compile(program);
  built.set(name, [program]);
  return [program];
}
