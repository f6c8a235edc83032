import { markOf } from '../../linux/family.ts';
import type * as orphans from '../../linux/orphans.ts';
import { useIfSupported } from '../../linux/if-supported.ts';

/** Process numbers by the mark of the run that has left them behind, see `markCommand`. */
type LeftBehind = Map<string, number[]>;

let looking: Promise<LeftBehind> | undefined;
let next: Promise<LeftBehind> | undefined;

/** Finds the processes that left their group and still run. Runs that end at the same time share a look. */
export async function leftBehind(mark: string): Promise<readonly number[]> {
  next ??= lookAfter(looking);
  return (await next).get(mark) ?? [];
}

async function lookAfter(earlier: Promise<LeftBehind> | undefined): Promise<LeftBehind> {
  await earlier;
  looking = next;
  next = undefined;
  const found: LeftBehind = new Map();
  for await (const child of await adopted()) {
    const mark = child.ended ? undefined : markOf(child.pid);
    if (mark === undefined) continue;
    const pids = found.get(mark) ?? [];
    found.set(mark, pids);
    pids.push(child.pid);
  }
  return found;
}

/** The orphans are adopted by a call of libc. */
let part: typeof orphans | undefined;
let loading: Promise<void> | undefined;

async function adopted(): Promise<ReturnType<typeof orphans.adoptedChildren> | []> {
  loading ??= useIfSupported(
    () => import('../../linux/orphans.ts'),
    (loaded) => (part = loaded),
  );
  await loading;
  return part?.adoptedChildren() ?? [];
}
