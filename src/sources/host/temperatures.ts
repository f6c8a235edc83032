import { closeSync, openSync, read as readFile } from 'node:fs';
import { promisify } from 'node:util';

import type { Source, SourceContext } from '../source.ts';
import { threadReads } from '../thread-reads.ts';
import type { Roots } from './roots.ts';
import { celsius, sensorFolders } from './sensors.ts';
import type { ReadText, Sensor } from './sensors.ts';

/** How long one file may take, in milliseconds, before its sensor is left out: drivers wait for slow buses. */
const READ_MS = 1000;

const readAsync = promisify(readFile);
/** Enough for a number or a name. */
const FILE_BYTES = 256;

/** Only to read asks the driver, which may wait; so only that is in another thread, at a quarter of the CPU. */
async function readSmall(path: string): Promise<string> {
  const fd = openSync(path, 'r');
  try {
    const { buffer, bytesRead } = await readAsync(fd, Buffer.allocUnsafe(FILE_BYTES), 0, FILE_BYTES, null);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    closeSync(fd);
  }
}

/** Reads all sensors, one after the other. Drivers can block, so the reads are in Node's threads, and bounded. */
export function temperaturesSource({ sys }: Roots, { timeoutMs }: Pick<SourceContext, 'timeoutMs'>): Source {
  let known = new Map<string, Sensor[]>();
  /** Files whose last read has not ended. */
  const hanging = new Set<string>();
  let lateReads = 0;

  async function readText(path: string, signal: AbortSignal): Promise<string | undefined> {
    if (hanging.has(path)) {
      lateReads++;
      return undefined;
    }
    await threadReads.take(signal);
    hanging.add(path);
    const text = readSmall(path)
      .catch(() => undefined)
      .finally(() => {
        threadReads.give();
        hanging.delete(path);
      });
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      lateReads++;
      resolve(undefined);
    }, READ_MS);
    return await Promise.race([text, late]).finally(() => clearTimeout(timer));
  }

  async function take(read: ReadText): Promise<object[]> {
    const now = new Map<string, Sensor[]>();
    const sensors: Sensor[] = [];
    for (const { id, find } of sensorFolders(sys)) {
      const lateBefore = lateReads;
      const found = known.get(id) ?? (await find(read));
      sensors.push(...found);
      if (lateReads === lateBefore) now.set(id, found); // Else a name or a limit is missing: look again.
    }
    known = now;
    const temperatures: object[] = [];
    for (const { sensor, device, input, fault, high, critical } of sensors) {
      if (fault !== undefined && (await read(fault)) === '1') continue;
      const degrees = celsius(await read(input));
      if (degrees !== null) temperatures.push({ sensor, device, celsius: degrees, high, critical });
    }
    return temperatures;
  }

  return {
    async sample(signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      const either = AbortSignal.any([signal, timeout]);
      try {
        return await take((path) => readText(path, either));
      } catch (error) {
        if (!timeout.aborted) throw error;
        const which = [...hanging].join(', ');
        throw new Error(
          `it took longer than ${timeoutMs} ms (timeout)${which && `; files whose driver does not answer: ${which}`}`,
          { cause: error },
        );
      }
    },
  };
}
