/**
 * What it costs to register, to leave, to find who hears a message, and to change one topic, beside how many topics there
 * are: 1,000 clients, each registered for 256 patterns. It judges nothing; what should stay flat can be seen.
 */
import type { Pattern, Subscriber } from '../../src/daemon/subscribers/audience.ts';
import { SubscriptionIndex } from '../../src/daemon/subscribers/subscription-index.ts';
import { median } from '../helpers/figures.ts';

const CLIENTS = 1000;
const PATTERNS = 256;
const ROUNDS = 15;

class BenchSubscriber implements Subscriber {
  readonly peer = undefined;
  readonly patterns = new Set<Pattern>();
  message(): void {}
  replay(): void {}
  notice(): void {}
}

function finish(work: Iterable<unknown>): void {
  for (const _ of work);
}

function microseconds(work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    work();
    return (performance.now() - began) * 1000;
  });
  return median(times);
}

function measure(topics: number): string[] {
  const index = new SubscriptionIndex();
  const names = Array.from({ length: topics }, (_, at) => `rack${at % 50}.host${at}.load`);
  const audiences = names.map((name) => index.addTopic(name, undefined));
  const register = (client: Subscriber, text: string): void => finish(index.join(client, index.hold(text)));
  const leave = (client: Subscriber, pattern: Pattern): void => finish(index.leave(client, pattern));
  const clients = Array.from({ length: CLIENTS }, () => new BenchSubscriber());
  for (const [at, client] of clients.entries()) {
    for (let count = 0; count < PATTERNS; count++) {
      const number = (at * 7 + count) % topics;
      register(client, count % 4 === 0 ? `*.host${number}.*` : names[number]!);
    }
  }
  const one = new BenchSubscriber();
  const four = (): void => {
    for (const at of [1, 2, 3, 4]) register(one, `*.host${at}.load`);
  };
  const registering = microseconds(() => {
    four();
    for (const pattern of one.patterns) leave(one, pattern);
  });
  const everything = microseconds(() => {
    register(one, '>');
    for (const pattern of one.patterns) leave(one, pattern);
  });
  const leaving = microseconds(() => {
    const client = new BenchSubscriber();
    four();
    for (const { text } of clients[0]!.patterns) register(client, text);
    for (const pattern of client.patterns) leave(client, pattern);
  });
  let heard = 0;
  const publishing = microseconds(() => audiences[1]!.each(() => heard++));
  const changing = microseconds(() => {
    index.removeTopic(audiences[1]!);
    audiences[1] = index.addTopic(names[1]!, undefined);
  });
  return [topics, registering, everything, leaving, publishing, changing].map((value) =>
    Math.round(value).toLocaleString('en-US'),
  );
}

console.log(
  '| topics | register 4 and leave, µs | register for > and leave, µs | 256 and leave, µs | find who hears one, µs | change one, µs |',
);
console.log('| --: | --: | --: | --: | --: | --: |');
for (const topics of [500, 5000, 20_000]) console.log(`| ${measure(topics).join(' | ')} |`);
