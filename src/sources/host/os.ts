import { access, readFile } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';

import { fileSource } from '../file.ts';
import type { Source, SourceContext } from '../source.ts';
import { runSystemProgram } from '../system-program.ts';
import { parseRelease } from './os-release.ts';
import type { Roots } from './roots.ts';

/** Which system runs here, on which kernel, and since which boot. */
export function osSource({ proc, root }: Roots, context: SourceContext): Source {
  let release: Source | undefined;
  let virtualisation: string | null | undefined;
  return {
    async sample(signal) {
      release ??= await releaseSource(root, context);
      if (virtualisation === undefined) virtualisation = await detectVirtualisation(context, signal);
      return {
        ...parseRelease((await release.sample(signal)) as string),
        kernel: await readKernel(proc, 'osrelease'),
        architecture: machine(),
        virtualisation,
        bootId: await readKernel(proc, 'random/boot_id'),
        hostname: await readKernel(proc, 'hostname'),
      };
    },
  };
}

/** The file that os-release(5) puts first. */
async function releaseSource(root: string, context: SourceContext): Promise<Source> {
  for (const name of ['etc/os-release', 'usr/lib/os-release']) {
    const path = join(root, name);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return fileSource(path, context, 'text');
  }
  return { sample: () => '' };
}

async function readKernel(proc: string, name: string): Promise<string> {
  return (await readFile(join(proc, 'sys/kernel', name), 'utf8')).trim();
}

/** `none` on bare metal; null where systemd-detect-virt is not installed or fails. */
async function detectVirtualisation(context: SourceContext, signal: AbortSignal): Promise<string | null> {
  try {
    // It exits with 1 on bare metal, and prints `none`.
    const output = await runSystemProgram(['systemd-detect-virt'], context, signal, [0, 1]);
    return output.split('\n')[1] || null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
