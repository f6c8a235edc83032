import { closeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import { decodeUtf8 } from '../../text.ts';
import { threadReads } from '../thread-reads.ts';
import { within } from '../within.ts';

/** Absent where there is no koffi, or no Linux: then every file is read by a process. */
export const localFiles = import('../../linux/local-file.ts').catch(() => undefined);

/** How much is read at first, in bytes. */
const FIRST_BYTES = 4096;

/** The reads of one source in this process, one at a time. */
export class OwnReads {
  #reading: Promise<unknown> | undefined;

  /** Waits for a read, but no longer than its timeout, or until it is no longer needed. */
  async take<T>(result: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T> {
    const settled = (): void => {
      threadReads.give();
      this.#reading = undefined;
    };
    this.#reading = result.then(settled, settled);
    return await within(result, timeoutMs, signal);
  }

  /** Opens what can be read in this process. @returns undefined if it cannot, or not now; otherwise `take` must follow. */
  async open(path: string): Promise<number | undefined> {
    if (this.#reading) throw new Error('an earlier read still hangs: its disk does not answer');
    const fd = (await localFiles)?.openLocal(path);
    if (fd === undefined || threadReads.tryTake()) return fd;
    closeSync(fd);
    return undefined;
  }
}

/**
 * Reads a text file whole. It goes by what is read, not by the size that is said: files under /proc say 0, and a file may
 * grow meanwhile.
 * @throws if it has more than `maxBytes`.
 */
export async function readText(file: FileHandle, maxBytes: number): Promise<string> {
  let buffer = Buffer.allocUnsafe(Math.min(FIRST_BYTES, maxBytes + 1));
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length);
    length += bytesRead;
    if (bytesRead === 0) return decodeUtf8(buffer.subarray(0, length));
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes (maxBytes)`);
    if (length === buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * length, maxBytes + 1));
      buffer.copy(larger);
      buffer = larger;
    }
  }
}
