/**
 * The nats-server of the next Debian release: a program that needs nothing but libc, so it is unpacked, not installed. It is
 * kept in node_modules/.cache for later runs.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { root } from '../helpers/program.ts';

/** Which release's is fetched; `CHIMED_NATS_RELEASE=sid` is the newest. */
const release = process.env['CHIMED_NATS_RELEASE'] ?? 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const FETCH_MS = 120_000;

/** The program's path; undefined, after a loud line on stderr, if it cannot be had. */
export function newerNats(): string | undefined {
  const kept = join(root, 'node_modules/.cache', `nats-server-${release}`);
  try {
    if (!existsSync(kept)) unpack(kept);
    const [program] = globSync(join(kept, 'usr/{bin,sbin}/nats-server'));
    return program ?? missing(`${kept} has none`);
  } catch (error) {
    return missing(error instanceof Error ? error.message.trim() : String(error));
  }
}

function missing(reason: string): undefined {
  process.stderr.write(`SKIPPED: no nats-server of Debian ${release} to test with: ${reason}\n`);
}

/** Asks apt with lists of its own, from the mirrors that this machine uses. */
function unpack(directory: string): void {
  mkdirSync(dirname(directory), { recursive: true });
  const work = mkdtempSync(`${directory}-`);
  try {
    const sources = join(work, 'sources.list');
    for (const needed of ['lists/partial', 'cache/archives/partial', 'files'])
      mkdirSync(join(work, needed), { recursive: true });
    writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirror()} ${release} main\n`);
    const options = [
      `Dir::Etc::SourceList=${sources}`,
      'Dir::Etc::SourceParts=-',
      `Dir::State::Lists=${join(work, 'lists')}`,
      `Dir::Cache=${join(work, 'cache')}`,
      'APT::Sandbox::User=',
    ].flatMap((option) => ['-o', option]);
    run('apt-get', ['-qq', ...options, 'update'], work);
    run('apt-get', ['-qq', ...options, 'download', 'nats-server'], work);
    const [archive] = globSync(join(work, 'nats-server_*.deb'));
    run('dpkg', ['-x', archive!, join(work, 'files')], work);
    renameSync(join(work, 'files'), directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Where this machine's own Debian packages come from. */
function mirror(): string {
  const format = '$(ORIGIN)|$(RELEASE)|$(SITE)';
  const targets = run('apt-get', ['indextargets', '--format', format, 'Identifier: Packages'], '/');
  const [, site] = /^Debian\|[a-z]+\|(.+)$/m.exec(targets) ?? [];
  if (site === undefined) throw new Error('apt has no package lists of Debian: run apt-get update');
  return site;
}

function run(program: string, args: string[], cwd: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: FETCH_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
