/* Many machines that speak as bridges do, in one process: started by driver.ts. Messages are made only while they are wanted. */
import { randomBytes } from 'node:crypto';
import { connect } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';

export interface DriverOptions {
  servers: string;
  /** Machines are named by this and a number, from 1. */
  name: string;
  machines: number;
  topics: number;
  intervalMs: number;
}

export type DriverQuestion = { ask: 'report' | 'rest' };

/** What a machine has numbered, by topics; all numbers from 1 to the last. */
export interface DriverReport {
  numbers: { topic: string; instance: string; last: number }[];
  published: number;
}

const PREFIX = 'chimed';
const HERE_MS = 3000;
const LEASE_MS = 15_000;
const options = JSON.parse(process.argv[2]!) as DriverOptions;
process.on('disconnect', () => process.exit());
let published = 0;
let isResting = false;

interface Topic {
  readonly instance: string;
  seq: number;
  wantedBy: Set<string>;
  timer?: NodeJS.Timeout;
  last?: string;
}

interface Lease {
  list: string;
  topics: Set<string>;
  renewedAt: number;
  pages: (string[] | undefined)[];
}

class DrivenMachine {
  readonly #name: string;
  readonly #nats: NatsConnection;
  readonly #bridge = randomBytes(8).toString('hex');
  readonly #since = Date.now();
  readonly topics = new Map<string, Topic>();
  readonly #leases = new Map<string, Lease>();

  constructor(name: string, nats: NatsConnection) {
    this.#name = name;
    this.#nats = nats;
    for (let index = 1; index <= options.topics; index++) {
      const instance = randomBytes(8).toString('hex');
      this.topics.set(`t${index}`, { instance, seq: 0, wantedBy: new Set() });
    }
    const hear = (subject: string, callback: (machine: string, message: Msg) => void): void => {
      nats.subscribe(`${PREFIX}-fleet.${subject}`, {
        callback: (_, message) => callback(message.subject.split('.')[1]!, message),
      });
    };
    hear(`*.want.${name}`, (machine, message) => this.#want(machine, message.json()));
    hear(`*.ask.${name}`, () => this.#list());
    this.#here();
    this.#list();
    setInterval(() => this.#here(), HERE_MS);
    setInterval(() => this.#expire(), 1000);
  }

  #say(talk: string, payload: object): void {
    this.#nats.publish(`${PREFIX}-fleet.${this.#name}.${talk}`, JSON.stringify(payload));
  }

  #here(): void {
    const list = this.#bridge;
    const here = { host: this.#name, pid: process.pid, version: '0.0.0', since: this.#since, rttMs: 0 };
    this.#say('here', { bridge: this.#bridge, ...here, time: Date.now(), list });
  }

  #list(): void {
    this.#say('topics', { list: this.#bridge, page: 0, pages: 1, topics: [...this.topics.keys()] });
  }

  #want(
    machine: string,
    { list, page, pages, topics }: { list: string; page?: number; pages?: number; topics?: string[] },
  ): void {
    const known = this.#leases.get(machine);
    if (topics === undefined) {
      if (known?.list === list) known.renewedAt = performance.now();
      else this.#say(`again.${machine}`, {});
      return;
    }
    const lease = known ?? { list: '', topics: new Set<string>(), renewedAt: 0, pages: [] };
    if (lease.list !== list || lease.pages.length !== pages) lease.pages = Array.from({ length: pages! });
    lease.list = list;
    lease.pages[page!] = topics;
    lease.renewedAt = performance.now();
    this.#leases.set(machine, lease);
    if (!lease.pages.includes(undefined))
      this.#apply(machine, lease, new Set(lease.pages.flat() as string[]));
  }

  #apply(machine: string, lease: Lease, topics: Set<string>): void {
    for (const topic of lease.topics.difference(topics)) this.#unwanted(machine, topic);
    for (const topic of topics.difference(lease.topics)) this.#wanted(machine, topic);
    lease.topics = topics;
  }

  #expire(): void {
    for (const [machine, lease] of this.#leases) {
      if (performance.now() - lease.renewedAt < LEASE_MS) continue;
      this.#apply(machine, lease, new Set());
      this.#leases.delete(machine);
    }
  }

  #wanted(machine: string, name: string): void {
    const topic = this.topics.get(name);
    if (!topic || topic.wantedBy.has(machine)) return;
    topic.wantedBy.add(machine);
    if (topic.timer) {
      if (topic.last !== undefined)
        this.#nats.publish(`${PREFIX}-fleet.${this.#name}.last.${machine}.${name}`, topic.last);
      return;
    }
    this.#tick(name, topic);
    topic.timer = setInterval(() => this.#tick(name, topic), options.intervalMs);
  }

  #unwanted(machine: string, name: string): void {
    const topic = this.topics.get(name);
    topic?.wantedBy.delete(machine);
    if (topic?.wantedBy.size !== 0) return;
    clearInterval(topic.timer);
    delete topic.timer;
  }

  #tick(name: string, topic: Topic): void {
    if (isResting) return;
    const { instance } = topic;
    const frame = { type: name, data: [0.4, 0.3, 0.2], seq: ++topic.seq, time: Date.now(), instance };
    topic.last = JSON.stringify(frame);
    this.#nats.publish(`${PREFIX}.${this.#name}.${name}`, topic.last);
    published++;
  }
}

const machines: [string, DrivenMachine][] = [];
for (let index = 1; index <= options.machines; index++) {
  const name = `${options.name}${index}`;
  machines.push([name, new DrivenMachine(name, await connect({ servers: options.servers, name }))]);
}

function report(): DriverReport {
  const numbers = machines.flatMap(([machine, { topics }]) =>
    [...topics].map(([name, { instance, seq }]) => ({
      topic: `remote.${machine}.${name}`,
      instance,
      last: seq,
    })),
  );
  return { numbers: numbers.filter(({ last }) => last > 0), published };
}

process.on('message', ({ ask }: DriverQuestion) => {
  if (ask === 'rest') isResting = true;
  process.send!(report());
});
process.send!(report());
