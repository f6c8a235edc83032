import { isIP } from 'node:net';
import type { LookupAddress } from 'node:dns';

import { messageOf, systemCode } from '../../errors.ts';
import { runCommand } from '../processes/command-run.ts';
import { systemSurroundings } from '../processes/system-program.ts';
import { isKeptFromNetwork, keptFromNetwork } from './network-access.ts';
import type { SourceContext } from '../source.ts';

/** When a lookup in this process counts as one that nobody answers, in milliseconds. */
const LATE_MS = 300;
const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * The lookup under way in this process: one at a time, since each takes one of Node's four threads until its DNS servers
 * answer.
 */
const here: {
  /** Resolves when the lookup has ended, or is late. */
  endedOrLate?: Promise<void> | undefined;
  isLate: boolean;
} = { isLate: false };

/**
 * The addresses of a name, as the system's programs find them. While a lookup in this process gets no answer, others
 * are made by processes of their own.
 * @throws if there are none.
 */
export async function addressesOf(
  name: string,
  context: SourceContext,
  signal: AbortSignal,
): Promise<LookupAddress[]> {
  const family = isIP(name);
  if (family !== 0) return [{ address: name, family }];
  if (name === 'localhost' || name.endsWith('.localhost')) return [...LOOPBACK];
  while (here.endedOrLate && !here.isLate) await here.endedOrLate;
  signal.throwIfAborted();
  try {
    return here.isLate ? await lookUpByProcess(name, context, signal) : await lookUpHere(name);
  } catch (error) {
    throw new Error(await failureOf(name, error), { cause: error });
  }
}

async function lookUpHere(name: string): Promise<LookupAddress[]> {
  const { promise: endedOrLate, resolve: end } = Promise.withResolvers<void>();
  here.endedOrLate = endedOrLate;
  const timer = setTimeout(() => {
    here.isLate = true;
    end();
  }, LATE_MS);
  try {
    const { lookup } = await import('node:dns/promises');
    return await lookup(name, { all: true });
  } finally {
    clearTimeout(timer);
    here.endedOrLate = undefined;
    here.isLate = false;
    end();
  }
}

async function lookUpByProcess(
  name: string,
  { topic, timeoutMs }: SourceContext,
  signal: AbortSignal,
): Promise<LookupAddress[]> {
  const argv = ['getent', 'ahosts', name];
  const run = { ...systemSurroundings(topic), argv, timeoutMs, maxBytes: 65_536 };
  const lines = (await runCommand(run, signal)).split('\n');
  const addresses = new Set(
    lines.map((line) => line.split(' ')[0]!).filter((address) => isIP(address) !== 0),
  );
  return [...addresses].map((address) => ({ address, family: isIP(address) }));
}

async function failureOf(name: string, error: unknown): Promise<string> {
  const code = systemCode(error);
  if (await isKeptFromNetwork()) return keptFromNetwork;
  if (code === 'ENOTFOUND' || messageOf(error).startsWith('the command exited with 2'))
    return `host not found: ${name}`;
  const why = code === 'EAI_AGAIN' ? 'the DNS servers of this machine do not answer' : messageOf(error);
  return `the name ${name} could not be looked up: ${why}`;
}
