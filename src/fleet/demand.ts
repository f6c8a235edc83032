import type { NatsLink } from './nats-link.ts';
import { toPages } from './pages.ts';
import type { Subjects } from './subjects.ts';
import { LEASE_MS } from './leases.ts';

/** What is wanted of one machine. */
class Wanted {
  readonly topics = new Set<string>();
  revision = 0;
  isToldSoon = false;
}

/** What this machine wants of others: told at each change, and renewed as long as it holds. */
export class Demand {
  readonly #bridge: string;
  readonly #own: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #machines = new Map<string, Wanted>();
  readonly #renewing: NodeJS.Timeout;
  #isOpen = false;

  constructor({ bridge, machine }: { bridge: string; machine: string }, link: NatsLink, subjects: Subjects) {
    this.#bridge = bridge;
    this.#own = machine;
    this.#link = link;
    this.#subjects = subjects;
    link.subscribe(subjects.talk('*', 'again', machine), (subject) =>
      this.tell(subjects.parse(subject).machine),
    );
    this.#renewing = setInterval(() => this.#renew(), LEASE_MS / 3);
  }

  add(machine: string, topic: string): void {
    this.#change(machine, (topics) => topics.add(topic));
  }

  remove(machine: string, topic: string): void {
    this.#change(machine, (topics) => topics.delete(topic));
  }

  /** How many topics of a machine are wanted. */
  countOf(machine: string): number {
    return this.#machines.get(machine)?.topics.size ?? 0;
  }

  /** Says all that is wanted of a machine: it is new there, or has forgotten. */
  tell(machine: string): void {
    const wanted = this.#machines.get(machine);
    if (!wanted) return;
    for (const page of toPages(String(wanted.revision), [...wanted.topics])) this.#say(machine, page);
    if (wanted.topics.size === 0) this.#machines.delete(machine);
  }

  /** Says all that is wanted of all machines: the link is up, and the name is ours. */
  open(): void {
    this.#isOpen = true;
    for (const machine of this.#machines.keys()) this.tell(machine);
  }

  /** Wants nothing any more, and says so. */
  stop(): void {
    clearInterval(this.#renewing);
    for (const [machine, wanted] of this.#machines) {
      wanted.topics.clear();
      this.tell(machine);
    }
  }

  #change(machine: string, change: (topics: Set<string>) => void): void {
    const wanted = this.#machines.get(machine) ?? new Wanted();
    this.#machines.set(machine, wanted);
    change(wanted.topics);
    wanted.revision++;
    if (wanted.isToldSoon) return;
    wanted.isToldSoon = true; // Many topics are often wanted at once.
    setImmediate(() => {
      wanted.isToldSoon = false;
      this.tell(machine);
    });
  }

  #renew(): void {
    for (const [machine, { revision }] of this.#machines) this.#say(machine, { list: String(revision) });
  }

  #say(machine: string, payload: object): void {
    if (!this.#isOpen) return;
    const subject = this.#subjects.talk(this.#own, 'want', machine);
    this.#link.publish(subject, JSON.stringify({ bridge: this.#bridge, ...payload }));
  }
}
