import { setTimeout as wait } from 'node:timers/promises';

import { peakResidentKiB, resetPeak, residentKiB } from '../../helpers/proc.ts';
import { Started } from '../subscribers/started.ts';
import type { Subscriber } from '../subscribers/subscriber.ts';
import type { Work } from './work.ts';

const BATCH = 10;
const BATCH_MS = 10;
const PAUSE_MS = 100;
const PAYLOAD = JSON.stringify('x'.repeat(10_000 - 2));

/** A subscriber whose program sleeps so long for each message. */
interface PausingSubscriber extends Subscriber {
  readonly pauseMs: number;
}

/** The memory of a client whose program is slower than the messages, and that of its server meanwhile. */
export function slowClient(subscribers: readonly Subscriber[], seconds: number): Work<PausingSubscriber> {
  const slow = subscribers.map((subscriber) => ({ ...subscriber, pauseMs: PAUSE_MS }));
  // What the server needs for any client.
  const fast = subscribers
    .filter(({ language }) => language === 'C')
    .map((subscriber) => ({ ...subscriber, name: `${subscriber.name}, not slow`, pauseMs: 0 }));
  return {
    letter: 'l',
    title: `1,000 messages of 10 kB per second for ${seconds} s; the program sleeps ${PAUSE_MS} ms for each`,
    clients: [1],
    systems: [...slow, ...fast],
    cold: true,
    compared: [],
    async measure(subscriber) {
      await using started = await Started.start(subscriber, subscriber.feeds.forSlow, subscriber.pauseMs);
      const [client, server] = [started.pid, started.feed.serverPid!];
      const [clientIdle, serverIdle] = [residentKiB(client), residentKiB(server)];
      resetPeak(client);
      resetPeak(server);
      await send(started, seconds);
      return {
        'client, idle: MiB': clientIdle / 1024,
        'client, peak: MiB': peakResidentKiB(client) / 1024,
        'server, idle: MiB': serverIdle / 1024,
        'server, peak: MiB': peakResidentKiB(server) / 1024,
      };
    },
  };
}

/** Sends a batch at each deadline: what is late does not delay what follows. */
async function send({ feed }: Started, seconds: number): Promise<void> {
  const messages = feed.encode(PAYLOAD, BATCH);
  const end = seconds * 1000;
  const start = performance.now();
  for (let due = 0; due < end; due += BATCH_MS) {
    const early = start + due - performance.now();
    if (early > 0) await wait(early);
    feed.write(messages);
  }
  await wait(Math.max(start + end - performance.now(), 0));
}
