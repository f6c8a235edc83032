import type { EventLog } from '../log-events.ts';
import { Machine } from './machine.ts';
import { MACHINE } from '../protocol/fleet-names.ts';
import { NameBudget } from './pages.ts';
import type { NatsLink, OnMessage } from './nats-link.ts';
import type { Subjects, Talk } from './subjects.ts';
import { readHere, readPage, readTalk } from './talk.ts';

/** A machine that says nothing for so long is away, in milliseconds. */
const AWAY_MS = 10_000;
/** One that is away for so long is forgotten, with its topics. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;
const LOOK_MS = 1000;
/** Machines that are remembered at most. */
const MOST = 10_000;
/** How often a machine is asked for its list while that does not come, in milliseconds. */
const ASK_MS = 3000;

export interface MachinesListener {
  /** It is there, or has another list, or another bridge. */
  changed(machine: Machine): void;
  /** It is not there any more. */
  away(machine: Machine): void;
  forgotten(machine: Machine): void;
}

/** The other machines of the fleet, as far as anything is imported from them. */
export class Machines implements Iterable<Machine> {
  readonly #own: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #listener: MachinesListener;
  readonly #logger: EventLog;
  readonly #all = new Map<string, Machine>();
  readonly #asked = new Map<string, number>();
  readonly #hearing: (() => void)[] = [];
  readonly #budget = new NameBudget();
  readonly #looking: NodeJS.Timeout;
  #dropped = 0;

  /** @param own Our machine's name: it is none of the others. */
  constructor(own: string, link: NatsLink, subjects: Subjects, listener: MachinesListener, logger: EventLog) {
    this.#own = own;
    this.#link = link;
    this.#subjects = subjects;
    this.#listener = listener;
    this.#logger = logger;
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  [Symbol.iterator](): Iterator<Machine> {
    return this.#all.values();
  }

  /** What was said that could not be read, or that there was no room for. */
  get dropped(): number {
    return this.#dropped + this.#budget.refused;
  }

  get size(): number {
    return this.#all.size;
  }

  /**
   * Hears of the machines that topics are imported from, and of no others: in a large fleet, most machines only export.
   * @param imports Names of machines, in which `*` stands for any characters.
   */
  hear(imports: readonly string[]): void {
    const names = imports.some((name) => name.includes('*')) ? ['*'] : new Set(imports);
    for (const end of this.#hearing.splice(0)) end();
    for (const name of names) {
      const listen = (talk: Talk, onTalk: OnMessage): void =>
        void this.#hearing.push(this.#link.subscribe(this.#subjects.talk(name, talk), onTalk));
      listen('here', (subject, data) => this.#here(subject, data));
      listen('topics', (subject, data) => this.#list(subject, data));
      listen('bye', (subject, data) => this.#bye(subject, data));
    }
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  #here(subject: string, data: Uint8Array): void {
    const { machine: name } = this.#subjects.parse(subject);
    if (name === this.#own) return;
    const here = readHere(data);
    if (!here || !MACHINE.test(name)) return this.#drop();
    const known = this.#all.get(name);
    if (!known && this.#all.size >= MOST) return this.#drop();
    const machine = known ?? new Machine(name, here, this.#budget);
    const isNews = !known || !machine.isHere || machine.here.bridge !== here.bridge;
    machine.seen(here, this.#link.rttMs ?? 0);
    if (machine.isListOld) this.#ask(machine);
    if (!isNews) return;
    machine.isHere = true;
    machine.changedAt = Date.now();
    this.#all.set(name, machine);
    this.#logger.info(
      { event: 'fleet-machine-here', machine: name, host: here.host, version: here.version },
      'machine joined the fleet',
    );
    this.#listener.changed(machine);
  }

  #ask(machine: Machine): void {
    const now = performance.now();
    if (now - (this.#asked.get(machine.name) ?? -Infinity) < ASK_MS) return;
    this.#asked.set(machine.name, now);
    this.#link.publish(this.#subjects.talk(this.#own, 'ask', machine.name), '{}');
  }

  #list(subject: string, data: Uint8Array): void {
    const machine = this.#all.get(this.#subjects.parse(subject).machine);
    const page = readPage(data);
    if (!page) return this.#drop();
    if (!machine?.isListOld || machine.here.list !== page.list) return;
    if (machine.add(page)) this.#listener.changed(machine);
  }

  #bye(subject: string, data: Uint8Array): void {
    const machine = this.#all.get(this.#subjects.parse(subject).machine);
    if (machine?.isHere && readTalk(data)?.['bridge'] === machine.here.bridge)
      this.#leave(machine, 'its bridge stopped');
  }

  #look(): void {
    const now = performance.now();
    for (const machine of this.#all.values()) {
      const silentMs = now - machine.seenAt;
      if (machine.isHere && silentMs > AWAY_MS) this.#leave(machine, `no heartbeat for ${AWAY_MS / 1000} s`);
      if (silentMs > FORGOTTEN_MS) {
        this.#all.delete(machine.name);
        machine.close();
        this.#asked.delete(machine.name);
        this.#listener.forgotten(machine);
      }
    }
  }

  #leave(machine: Machine, reason: string): void {
    machine.isHere = false;
    machine.changedAt = Date.now();
    this.#logger.warn(
      { event: 'fleet-machine-away', machine: machine.name, reason },
      'machine left the fleet',
    );
    this.#listener.away(machine);
  }

  #drop(): void {
    this.#dropped++;
  }
}
