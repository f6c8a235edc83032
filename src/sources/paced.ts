/** After how much work of its own a reader rests, in milliseconds. */
const WORK_MS = 1;
/** What it takes to read at all, in milliseconds. */
const READ_MS = 0.01;
/** How much longer than it has worked it rests: what is written without end takes a fifth of the event loop's time. */
const REST_TIMES = 4;
/** Longest rest, in milliseconds: most of what took long was waiting for the CPU. */
const REST_MS = 20;

/** Takes bytes, which are overwritten once it has returned. */
export type Reader = (bytes: Buffer) => void;

/**
 * Leaves time for the rest of the event loop, should there be no end of what is read.
 * @returns a reader that says whether reading may go on; if not, `goOn` is called when it may.
 */
export function paced(read: Reader, goOn: () => void): (bytes: Buffer) => boolean {
  let worked = 0;
  return (bytes) => {
    const begun = performance.now();
    read(bytes);
    worked += READ_MS + performance.now() - begun;
    if (worked < WORK_MS) return true;
    setTimeout(goOn, Math.min(worked * REST_TIMES, REST_MS));
    worked = 0;
    return false;
  };
}
