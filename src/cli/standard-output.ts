import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';

import { systemCode } from '../errors.ts';

/** How long whoever reads our output may take to read the last of it, in milliseconds. */
export const LAST_LINES_MS = 500;

const end = new AbortController();
process.stdout.on('error', (error) => end.abort(error));
process.stderr.on('error', () => {}); // There is nobody left to tell.

/** Aborts when stdout takes nothing more: whoever read us has gone, as `head` does, or the disk is full. */
export const outputEnd: AbortSignal = end.signal;

/** Writes to stdout; resolves when there is room for more, or never will be. */
export async function print(text: string): Promise<void> {
  if (outputEnd.aborted || process.stdout.write(text)) return;
  await once(process.stdout, 'drain', { signal: outputEnd }).catch(() => {}); // Aborted: there is no use in waiting.
}

/** Has nobody wait any longer for a reader that stands still. */
export function hurryOutput(): void {
  setTimeout(() => end.abort('nobody reads it'), LAST_LINES_MS).unref();
}

/**
 * Waits until all is written, or cannot be: a pipe takes it bit by bit, and to exit would drop the rest.
 * @returns why it could not be written, unless whoever read us has gone, which is no mistake.
 */
export async function finishOutput(): Promise<Error | undefined> {
  const written = Promise.all([process.stdout, process.stderr].map(flushed));
  if (!outputEnd.aborted) await Promise.race([written, once(outputEnd, 'abort')]);
  const reason: unknown = outputEnd.reason;
  return reason instanceof Error && systemCode(reason) !== 'EPIPE' ? reason : undefined;
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  await turn(); // The event of an error comes after the end of what has failed.
}
