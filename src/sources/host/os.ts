import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';

import { fileSource } from '../files/file.ts';
import type { Source, SourceContext } from '../source.ts';
import { runSystemProgram } from '../processes/system-program.ts';
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
        kernel: readKernel(proc, 'osrelease'),
        architecture: machine(),
        virtualisation,
        bootId: readBootId(proc, virtualisation),
        hostname: readKernel(proc, 'hostname'),
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

function readKernel(proc: string, name: string): string {
  return readFileSync(join(proc, 'sys/kernel', name), 'utf8').trim();
}

/**
 * systemd-nspawn mounts a boot id of the container's own. A service with a /proc of its own does not see that mount:
 * null then, since the kernel's boot id is another machine's.
 */
function readBootId(proc: string, virtualisation: string | null): string | null {
  const name = 'random/boot_id';
  const mount = ` /proc/sys/kernel/${name} `;
  const isHidden =
    virtualisation === 'systemd-nspawn' &&
    !readFileSync(join(proc, 'self/mountinfo'), 'utf8').includes(mount);
  return isHidden ? null : readKernel(proc, name);
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
