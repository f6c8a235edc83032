import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Drive } from '../drive.ts';
import { DELIMITER, now, payloadValue } from '../message.ts';
import { onSocket } from './system.ts';
import type { System } from './system.ts';

/** chimed as it is published. */
export const chimed = chimedFrom('chimed', join(import.meta.dirname, '../../../dist'));

/** Others to measure beside it, such as one with a change: `CHIMED_BUILDS=/tmp/one/dist,/tmp/other/dist`. */
export const otherBuilds = (process.env['CHIMED_BUILDS'] ?? '')
  .split(',')
  .filter((dist) => dist !== '')
  .map((dist) => chimedFrom(dist, dist));

function chimedFrom(name: string, dist: string): System {
  return {
    name,
    ours: true,
    command({ folder, socket }, drive) {
      const config = join(folder, 'chimed.yaml');
      writeFileSync(config, JSON.stringify(configuration(drive)));
      const cli = join(dist, 'cli/main.js');
      return [process.execPath, cli, 'serve', '--config', config, '--socket', socket];
    },
    address: onSocket,
    subscription: () => frame('chimed.register', { topics: ['>'] }),
    ticks: true,
    timeOf,
    publisher: {
      greeting: '',
      message: (topic, payload) => frame('chimed.publish', { topic, data: JSON.parse(payload) as unknown }),
    },
  };
}

function configuration(drive: Drive): object {
  const topic = { ...schedule(drive), ...source(drive) };
  return {
    log: { level: 'warn', format: 'json' },
    // All receivers and publishers are one user's, and as many or as fast as the machine allows.
    clients: { max: 20_000, connectionsPerSecond: 1_000_000, requestsPerSecond: 1_000_000_000 },
    topics: Object.fromEntries(drive.topics.map((name) => [name, topic])),
  };
}

function schedule(drive: Drive): object {
  return drive.kind === 'ticks' ? { interval: `${drive.intervalMs}ms` } : {};
}

/** The same payload at each tick: a module could say when the tick was, but runs in a process of its own, which costs more. */
function source({ kind }: Drive): object {
  return kind === 'ticks' ? { data: payloadValue() } : { publish: true };
}

/** When the daemon numbered the message: it says so in whole milliseconds, the one that has begun, so up to one too early. */
function timeOf(bytes: Buffer): number {
  const start = bytes.indexOf(TIME) + TIME.length;
  return Number.parseInt(bytes.toString('latin1', start, start + 20), 10) * 1000 + MONOTONIC;
}

const TIME = '"time":';
/** What to add to microseconds since the epoch, to have them on the monotonic clock. */
const MONOTONIC = Math.max(...Array.from({ length: 10 }, () => now() - epoch()));

/** Asked for the first time, Node takes a millisecond or two to tell. */
function epoch(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

function frame(type: string, data: unknown): string {
  return JSON.stringify({ type, data }) + DELIMITER;
}
