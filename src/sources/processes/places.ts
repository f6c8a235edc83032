import type { Child } from './child.ts';

/** The latest child of each place, until nothing of it is left. */
const taken = new Map<string, Child>();

/**
 * Waits until nothing is left of the last child of a place, so that runs never overlap.
 * @throws if that child hangs: it keeps its place until the kernel lets it end.
 */
export async function takePlace(name: string): Promise<{ hold: (child: Child) => Child }> {
  const earlier = taken.get(name);
  await earlier?.settled;
  if (earlier?.hung) {
    throw new Error(
      earlier.pid === 0
        ? 'the start of an earlier run still hangs: the file system of /bin/sh does not answer'
        : `process ${earlier.pid} of an earlier run still hangs: SIGKILL cannot end it before the file system or device that it uses answers`,
    );
  }
  return {
    hold(child) {
      taken.set(name, child);
      const free = (): boolean => taken.get(name) === child && taken.delete(name);
      void child.gone.then(free);
      return child;
    },
  };
}
