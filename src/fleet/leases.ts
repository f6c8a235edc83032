import { MACHINE } from '../protocol/fleet-names.ts';
import type { NatsLink } from './nats-link.ts';
import { NameBudget, Pages } from './pages.ts';
import type { ListPage } from './pages.ts';
import type { Subjects } from './subjects.ts';
import { readWant } from './talk.ts';

/** How long a demand holds that is not renewed, in milliseconds. */
export const LEASE_MS = 15_000;
const LOOK_MS = 1000;
/** Machines whose demand is kept at most. */
const MOST_MACHINES = 10_000;

/** What a machine has begun, and ceased, to want. `isExpired`: it has not said so, but was not heard of for too long. */
export interface LeaseChange {
  begun: readonly string[];
  ceased: readonly string[];
  isExpired: boolean;
}

export type OnLease = (machine: string, change: LeaseChange) => void;

interface Lease {
  bridge: string;
  list: string | undefined;
  topics: ReadonlySet<string>;
  pages: Pages;
  renewedAt: number;
}

/** What other machines want of this one, each until its lease ends. */
export class Leases {
  readonly #own: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #changed: OnLease;
  readonly #leases = new Map<string, Lease>();
  readonly #looking: NodeJS.Timeout;
  readonly #budget = new NameBudget();
  #dropped = 0;

  constructor(own: string, link: NatsLink, subjects: Subjects, changed: OnLease) {
    this.#own = own;
    this.#link = link;
    this.#subjects = subjects;
    this.#changed = changed;
    link.subscribe(subjects.talk('*', 'want', own), (subject, data) => this.#want(subject, data));
    this.#looking = setInterval(() => this.#expire(), LOOK_MS);
  }

  /** What could not be read, or that there was no room for. */
  get dropped(): number {
    return this.#dropped + this.#budget.refused;
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  #want(subject: string, data: Uint8Array): void {
    const { machine } = this.#subjects.parse(subject);
    const want = readWant(data);
    const known = this.#leases.get(machine);
    if (
      !want ||
      !MACHINE.test(machine) ||
      machine === this.#own ||
      (!known && this.#leases.size >= MOST_MACHINES)
    ) {
      this.#dropped++;
      return;
    }
    if (want.topics === undefined) {
      if (known?.bridge === want.bridge && known.list === want.list) known.renewedAt = performance.now();
      else this.#link.publish(this.#subjects.talk(this.#own, 'again', machine), '{}');
      return;
    }
    const lease = known ?? { ...NOTHING, bridge: want.bridge, pages: new Pages(this.#budget) };
    const topics = lease.pages.add(want as ListPage);
    this.#leases.set(machine, lease);
    lease.renewedAt = performance.now();
    if (!topics) return;
    lease.bridge = want.bridge;
    lease.list = want.list;
    this.#replace(machine, lease, new Set(topics));
    if (topics.length === 0) this.#forget(machine, lease);
  }

  #expire(): void {
    const now = performance.now();
    for (const [machine, lease] of this.#leases) {
      if (now - lease.renewedAt < LEASE_MS) continue;
      this.#forget(machine, lease);
      this.#replace(machine, lease, new Set(), true);
    }
  }

  #forget(machine: string, lease: Lease): void {
    this.#leases.delete(machine);
    lease.pages.close();
  }

  #replace(machine: string, lease: Lease, topics: ReadonlySet<string>, isExpired = false): void {
    const begun = [...topics].filter((topic) => !lease.topics.has(topic));
    const ceased = [...lease.topics].filter((topic) => !topics.has(topic));
    lease.topics = topics;
    if (begun.length + ceased.length > 0) this.#changed(machine, { begun, ceased, isExpired });
  }
}

const NOTHING = { list: undefined, topics: new Set<string>(), renewedAt: 0 };
