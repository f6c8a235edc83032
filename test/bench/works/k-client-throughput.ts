import { cpuMicroseconds } from '../../helpers/proc.ts';
import type { OpenFeed } from '../feeds/feed.ts';
import { Started } from '../subscribers/started.ts';
import type { Subscriber } from '../subscribers/subscriber.ts';
import type { Figures, Work } from './work.ts';

/** About 100 bytes, with what programs send: numbers, names and a text. */
const PAYLOAD = JSON.stringify({
  load: [0.42, 0.37, 0.31],
  cores: 4,
  freeBytes: 12_345_678,
  unit: 'processes',
  note: 'steady as she goes',
});
const BY_CPU = 'peer: per CPU s';

/** How many messages one client takes from its server, and from a peer that is faster than any client. */
export function clientThroughput(systems: readonly Subscriber[], messages: number): Work<Subscriber> {
  return {
    letter: 'k',
    title: `${messages.toLocaleString('en-US')} messages of ${PAYLOAD.length} bytes, as fast as one client takes them`,
    clients: [1],
    systems,
    cold: true,
    compared: [BY_CPU],
    higherIsBetter: [BY_CPU],
    why: {
      [BY_CPU]:
        'a message of Redis begins with the length of each of its parts. A client of chimed parses JSON to find them, compares numbers, and counts what it missed.',
    },
    async measure(subscriber) {
      const { unlimited, peer } = subscriber.feeds;
      return {
        ...(await flooded('server', subscriber, unlimited, messages)),
        ...(await flooded('peer', subscriber, peer, messages)),
      };
    },
  };
}

/** @returns messages per second by the clock and by the client's CPU time, and how many it missed. */
async function flooded(
  name: string,
  subscriber: Subscriber,
  open: OpenFeed,
  count: number,
): Promise<Figures> {
  await using started = await Started.start(subscriber, open, 0);
  const messages = started.encode(PAYLOAD, count);
  const [cpu, begun] = [cpuMicroseconds(started.pid), performance.now()];
  started.feed.write(messages);
  const { received, missed } = await started.counted();
  const seconds = (performance.now() - begun) / 1000;
  const cpuSeconds = (cpuMicroseconds(started.pid) - cpu) / 1e6;
  return {
    [`${name}: per s`]: received / seconds,
    [`${name}: per CPU s`]: received / cpuSeconds,
    [`${name}: missed`]: missed,
  };
}
