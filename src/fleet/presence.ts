import { hostname } from 'node:os';

import { ChimedError } from '../errors.ts';
import type { ClockQuality } from '../linux/clock.ts';
import { version } from '../protocol/version.ts';
import type { NatsLink } from './nats-link.ts';
import { toPages } from './pages.ts';
import type { Subjects } from './subjects.ts';
import { readHere, readTalk } from './talk.ts';
import type { Here } from './talk.ts';

/** How often we say that we are there, in milliseconds. */
const HERE_MS = 3000;
/** How long another bridge has to say that the name is its own, in milliseconds. */
const CLAIM_MS = 1000;
/** A machine that comes is answered within this, in milliseconds. */
const GREET_MS = 500;
/** The list is sent to whoever asks at most this often, in milliseconds. */
const LIST_MS = 1000;

/** Says what this machine is and exports. Only one bridge has its name: who starts later is refused. */
export class Presence {
  readonly bridge: string;
  readonly #machine: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #clock: () => ClockQuality | undefined;
  /** The name is another bridge's. */
  readonly #refused: (error: ChimedError) => void;
  readonly #since = Date.now();
  #topics: readonly string[] = [];
  #list = 0;
  #isClaimed = false;
  #timer: NodeJS.Timeout | undefined;
  #listTimer: NodeJS.Timeout | undefined;
  #greeting: NodeJS.Timeout | undefined;
  /** The name is ours. */
  readonly claimed = Promise.withResolvers<void>();

  constructor(
    { bridge, machine }: { bridge: string; machine: string },
    link: NatsLink,
    subjects: Subjects,
    clock: () => ClockQuality | undefined,
    refused: (error: ChimedError) => void,
  ) {
    this.bridge = bridge;
    this.#machine = machine;
    this.#link = link;
    this.#subjects = subjects;
    this.#clock = clock;
    this.#refused = refused;
    link.subscribe(subjects.talk(machine, 'who'), (_, data) => this.#asked(data));
    link.subscribe(subjects.talk(machine, 'here'), (_, data) => this.#namesake(data));
    link.subscribe(subjects.talk('*', 'ask', machine), () => this.#listSoon());
  }

  /** The link is up: the name is claimed, or is ours already. */
  up(): void {
    this.#say('who', { bridge: this.bridge, since: this.#since });
    clearTimeout(this.#timer);
    if (this.#isClaimed) this.#announce();
    else this.#timer = setTimeout(() => this.#claim(), CLAIM_MS);
  }

  down(): void {
    clearTimeout(this.#timer);
  }

  /** What this machine exports has changed. */
  export(topics: readonly string[]): void {
    this.#topics = topics;
    this.#list++;
    if (!this.#isClaimed) return;
    this.#announce();
    this.#sendList();
  }

  /** Another machine has come: it should not have to wait to hear of us. All others answer too, so each after a while. */
  greet(): void {
    if (!this.#isClaimed || this.#greeting) return;
    this.#greeting = setTimeout(() => {
      this.#greeting = undefined;
      if (this.#link.isUp) this.#announce();
    }, Math.random() * GREET_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#greeting);
    clearTimeout(this.#listTimer);
    if (this.#isClaimed) this.#say('bye', { bridge: this.bridge });
  }

  #claim(): void {
    this.#isClaimed = true;
    this.#announce();
    this.#sendList();
    this.claimed.resolve();
  }

  #announce(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#announce(), HERE_MS);
    const clock = this.#clock();
    const here: Here = {
      bridge: this.bridge,
      host: hostname(),
      pid: process.pid,
      version: version(),
      since: this.#since,
      time: Date.now(),
      rttMs: this.#link.rttMs ?? 0,
      ...(clock && { clock }),
      list: this.#listId,
    };
    this.#say('here', here);
  }

  get #listId(): string {
    return `${this.bridge}-${this.#list}`;
  }

  #listSoon(): void {
    this.#listTimer ??= setTimeout(() => {
      this.#listTimer = undefined;
      this.#sendList();
    }, LIST_MS);
  }

  #sendList(): void {
    if (!this.#isClaimed) return;
    for (const page of toPages(this.#listId, this.#topics)) this.#say('topics', page);
  }

  /** Somebody starts who wants our name, or comes back with it. */
  #asked(data: Uint8Array): void {
    const other = readTalk(data)?.['bridge'];
    if (typeof other !== 'string' || other === this.bridge) return;
    if (this.#isClaimed) this.#announce();
    // Both start at once: one of the two goes on.
    else if (other < this.bridge) this.#refuse('another bridge that is starting');
  }

  /** Somebody says that it is this machine. */
  #namesake(data: Uint8Array): void {
    const other = readHere(data);
    if (!other || other.bridge === this.bridge) return;
    const isElder = other.since < this.#since || (other.since === this.#since && other.bridge < this.bridge);
    if (this.#isClaimed && !isElder) return;
    const since = new Date(other.since).toISOString();
    this.#refuse(`the bridge on the host ${other.host} (pid ${other.pid}, since ${since})`);
  }

  #refuse(who: string): void {
    const message = `the machine name ${this.#machine} is taken by ${who}; set nats.name to another name here, or stop that bridge`;
    this.#refused(new ChimedError('bad-config', message));
  }

  #say(talk: 'here' | 'bye' | 'who' | 'topics', payload: object): void {
    this.#link.publish(this.#subjects.talk(this.#machine, talk), JSON.stringify(payload));
  }
}
