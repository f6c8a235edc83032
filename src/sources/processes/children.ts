import { sourceProcesses } from '../../linux/family.ts';
import { isAnyStarting } from './start-process.ts';

/** Longest time that an exit waits for the children to end, in milliseconds. */
const END_MS = 250;
/** How often it looks meanwhile, in milliseconds. */
const NAP_MS = 2;

interface Killable {
  kill(): void;
}

/** Children of which something may be left. */
const underWay = new Set<Killable>();
let isOver = false;

/** Has a child ended at the latest when this process ends. */
export function watch(child: Killable): void {
  underWay.add(child);
  if (isOver) child.kill();
}

/** Nothing of a child is left. */
export function forget(child: Killable): void {
  underWay.delete(child);
}

/** Ends the processes of all sources at once, and lets no more be started. To be called before this process exits. */
export function endChildren(): void {
  if (isOver) return;
  isOver = true;
  for (const child of underWay) child.kill();
  const nap = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const end = performance.now() + END_MS;
  // What is being started has no number yet, and what is killed may leave others behind.
  for (let isDone = false; !isDone && performance.now() < end;) {
    const isQuiet = !isAnyStarting();
    isDone = killLeft() === 0 && isQuiet;
    if (!isDone) Atomics.wait(nap, 0, 0, NAP_MS);
  }
}
process.on('exit', endChildren);

/** Ends the processes of all sources. @returns how many there are. */
function killLeft(): number {
  const left = sourceProcesses();
  for (const pid of left) {
    for (const target of [-pid, pid]) {
      try {
        process.kill(target, 'SIGKILL');
      } catch {
        // It leads no group, or has ended.
      }
    }
  }
  return left.length;
}
