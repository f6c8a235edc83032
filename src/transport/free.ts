/** Time that a turn of the event loop may give memory back for, in milliseconds. */
const TURN_MS = 2;

const unused: ArrayBuffer[] = [];
let spentMs = 0;

/**
 * Gives the memory of a buffer back; nobody may use it any more. V8 collects buffers only when some 64 MiB of them are
 * garbage, which one user who sends or asks for much would have us hold all the time. Giving back costs time as well,
 * 0.1 s and more for what 200 connections leave that close at once: what is too much for one turn waits for the next.
 */
export function free({ buffer, length }: Buffer): void {
  // Small ones may be parts of a buffer that Node shares among many.
  if (buffer.byteLength !== length || length === 0) return;
  if (unused.length === 0 && spentMs === 0) setImmediate(nextTurn);
  unused.push(buffer as ArrayBuffer);
  giveBack();
}

function giveBack(): void {
  let before = performance.now();
  while (unused.length > 0 && spentMs < TURN_MS) {
    unused.pop()!.transfer(0);
    const now = performance.now();
    spentMs += now - before;
    before = now;
  }
}

function nextTurn(): void {
  spentMs = 0;
  giveBack();
  if (spentMs > 0) setImmediate(nextTurn);
}
