import { existsSync, readFile } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { inTurns } from '../../in-turns.ts';
import type { Source } from '../source.ts';
import { BlockingCalls } from './blocking-calls.ts';
import { CounterRates } from './counter-rates.ts';
import { numbersIn, readKernelFile, readKernelFileIfAny } from './kernel-file.ts';
import type { Roots } from './roots.ts';

/** After this time, in milliseconds, the rest of a sample waits for the next iteration of the event loop. */
const TURN_MS = 1;
const IFF_UP = 1;
const BITS_PER_MEGABIT = 1e6;

/** What the kernel counts of each interface, by its column in `/proc/net/dev`. */
const columns = {
  receivedBytes: 0,
  receivedPackets: 1,
  receiveErrors: 2,
  receiveDropped: 3,
  sentBytes: 8,
  sentPackets: 9,
  sendErrors: 10,
  sendDropped: 11,
};
type NetworkCounter = keyof typeof columns;

const calls = new BlockingCalls();
const readSlowly = promisify(readFile);

/** Traffic of each network interface: rates since the last sample, and totals. */
export function networkSource({ proc, sys }: Roots, timeoutMs: number): Source {
  const net = join(sys, 'class/net');
  const rates = new CounterRates<NetworkCounter>();
  return {
    async sample(signal) {
      const totals = readTotals(join(proc, 'net/dev'));
      const growth = rates.next(totals);
      const names = [...totals.keys()];
      const links = await linksOf(net, names);
      const wired = names.filter(
        (name) => links.get(name)!.state === 'up' && existsSync(join(net, name, 'device')),
      );
      const speeds = await calls.each(
        wired,
        (name) => `the driver of ${name}`,
        async (name) => [name, await speedOf(join(net, name))] as const,
        { timeoutMs, signal },
      );
      const speed = new Map(speeds);
      const interfaces = names.map((name) => [
        name,
        {
          ...links.get(name),
          speed: speed.get(name) ?? null,
          rates: growth.get(name),
          totals: totals.get(name),
        },
      ]);
      return Object.fromEntries(interfaces) as object;
    },
  };
}

function readTotals(path: string): Map<string, Record<NetworkCounter, number>> {
  const totals = new Map<string, Record<NetworkCounter, number>>();
  for (const [, name, fields] of readKernelFile(path).matchAll(/^ *(\S+): *(\d.*)$/gm)) {
    const numbers = numbersIn(fields!, 16, path);
    const counters = Object.entries(columns).map(([counter, column]) => [counter, numbers[column]]);
    totals.set(name!, Object.fromEntries(counters) as Record<NetworkCounter, number>);
  }
  return totals;
}

interface Link {
  up: boolean | null;
  state: string | null;
}

/** In turns: a machine with many containers has hundreds of interfaces. */
async function linksOf(folder: string, names: readonly string[]): Promise<Map<string, Link>> {
  const links = new Map<string, Link>();
  await inTurns(names, (name) => links.set(name, linkOf(join(folder, name))), TURN_MS);
  return links;
}

/** Null where `/sys` does not have the interface. */
function linkOf(folder: string): Link {
  const state = readKernelFileIfAny(join(folder, 'operstate')) ?? null;
  if (state === 'up') return { up: true, state };
  const flags = readKernelFileIfAny(join(folder, 'flags'));
  return { up: flags === undefined ? null : (Number(flags) & IFF_UP) !== 0, state };
}

/** In bits per second; null if the driver does not know. It may have to ask the hardware, so this is not read at once. */
async function speedOf(folder: string): Promise<number | null> {
  try {
    const megabits = Number(await readSlowly(join(folder, 'speed'), 'utf8'));
    return megabits > 0 ? megabits * BITS_PER_MEGABIT : null;
  } catch {
    return null; // Wireless and virtual interfaces refuse to say.
  }
}
