/**
 * What a reload of many topics costs whoever hears another topic: the longest time between two messages of a topic of
 * 10 ms, while clients hear all topics. It judges nothing.
 * `node test/bench/reload.ts [TOPICS]`
 */
import { setTimeout as wait } from 'node:timers/promises';

import { startDaemon } from '../helpers/daemon.ts';
import { RawClient } from '../helpers/raw-client.ts';

const topics = Number(process.argv[2] ?? 5000);
const CLIENTS = 20;
const TICK_MS = 10;
const REST_MS = 1000;

/** What each topic says: the same text for all, or one for the first of them. */
const config = (text: string, first = text): object => ({
  topics: {
    tick: { interval: `${TICK_MS}ms`, data: 1 },
    ...Object.fromEntries(
      Array.from({ length: topics }, (_, at) => [
        `rack${at % 50}.host${at}`,
        { interval: '1m', data: at === 0 ? first : text },
      ]),
    ),
  },
});

const reloads: [string, object][] = [
  ['nothing has changed', config('one')],
  ['one topic has changed', config('one', 'two')],
  ['all have changed', config('three')],
  ['all are removed', { topics: { tick: { interval: `${TICK_MS}ms`, data: 1 } } }],
  ['all are added', config('four')],
];

const times = (): number[] =>
  client.frames.items.flatMap((frame) => (frame.type === 'tick' ? [Number(frame['time'])] : []));

/** @returns how long the reload took, and the longest time between two messages meanwhile, in milliseconds. */
async function measure(next: object): Promise<[number, number]> {
  await wait(REST_MS);
  const from = times().length - 1;
  const begun = performance.now();
  daemon.write(next);
  await control.reload();
  const took = performance.now() - begun;
  await wait(REST_MS);
  const ticks = times().slice(from);
  return [took, Math.max(...ticks.slice(1).map((time, at) => time - ticks[at]!))];
}

await using daemon = await startDaemon(config('one'));
await using control = daemon.connect({ timeoutMs: 60_000 });
const listeners = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(daemon.socket)));
for (const listener of listeners) listener.send('chimed.register', { topics: ['rack*.>'] });
using client = await daemon.raw();
client.send('chimed.register', { topics: ['tick'] });
await client.frame('tick');
console.log(`${topics.toLocaleString('en-US')} topics, ${CLIENTS} clients that hear all of them:`);
console.log('| reload | took, ms | longest time between two messages of a 10 ms topic, ms |');
console.log('| --- | --: | --: |');
for (const [what, next] of reloads) {
  const [took, longest] = await measure(next);
  console.log(`| ${what} | ${took.toFixed(0)} | ${longest} |`);
}
for (const listener of listeners) listener[Symbol.dispose]();
