import type { Client } from '../client/api.ts';
import type { NatsConfig } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import { REMOTE } from '../protocol/fleet-names.ts';
import { isTopic, matches } from '../protocol/names.ts';
import type { Demand } from './demand.ts';
import { ImportedTopic } from './imported-topic.ts';
import type { ImportCounters } from './imported-topic.ts';
import type { Machine } from './machine.ts';
import type { NatsLink } from './nats-link.ts';
import type { Stream } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** Gives the local daemon the topics of other machines, each as long as somebody listens to it. */
export class Importer {
  readonly #own: string;
  readonly #client: Client;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #demand: Demand;
  readonly #stream: Stream | undefined;
  /** Topics that the daemon has room for (`maxTopics`). */
  readonly #most: number;
  #count = 0;
  /** The daemon has refused topics. */
  #isRefused = false;
  readonly #logger: EventLog;
  #imports: NatsConfig['import'];
  /** By machines, and their topics. */
  readonly #machines = new Map<string, Map<string, ImportedTopic>>();
  readonly #hearing = new Map<ImportedTopic, () => void>();
  readonly counters: ImportCounters = { received: 0, dropped: 0, skipped: 0, filled: 0 };

  constructor(
    {
      own,
      imports,
      client,
      link,
      subjects,
      demand,
      stream,
      most,
    }: {
      own: string;
      imports: NatsConfig['import'];
      client: Client;
      link: NatsLink;
      subjects: Subjects;
      demand: Demand;
      stream: Stream | undefined;
      most: number;
    },
    logger: EventLog,
  ) {
    this.#own = own;
    this.#imports = imports;
    this.#client = client;
    this.#link = link;
    this.#subjects = subjects;
    this.#demand = demand;
    this.#stream = stream;
    this.#most = most;
    this.#logger = logger;
    link.subscribe(subjects.talk('*', 'last', `${own}.>`), (subject, data) => {
      const { machine, topic } = subjects.parse(subject);
      this.#machines.get(machine)?.get(topic)?.take(data);
    });
  }

  /** Another configuration is in force. */
  configure(imports: NatsConfig['import'], machines: Iterable<Machine>): void {
    this.#imports = imports;
    for (const machine of machines) this.changed(machine);
  }

  /** The daemon may take now what it refused before. */
  retry(machines: Iterable<Machine>): void {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    this.configure(this.#imports, machines);
  }

  /** A machine is there, or has other topics. */
  changed(machine: Machine): void {
    const known = this.#machines.get(machine.name) ?? new Map<string, ImportedTopic>();
    this.#machines.set(machine.name, known);
    const patterns = this.#patternsFor(machine.name);
    const isWanted = (topic: string): boolean =>
      patterns.some((pattern) => matches(pattern, topic)) && this.#isNamed(machine, topic);
    const listed = new Set(machine.topics);
    for (const [topic, imported] of known) {
      if (!listed.has(topic) || !isWanted(topic)) this.#remove(known, topic, imported);
      else if (machine.isHere) imported.back();
    }
    let left = 0;
    for (const topic of patterns.length > 0 ? listed : []) {
      if (known.has(topic)) continue;
      if (this.#count >= this.#most) left++;
      else if (isWanted(topic)) this.#add(machine, topic, known);
    }
    if (left > 0) this.#isFull(machine, left);
    if (machine.isHere) this.#demand.tell(machine.name);
    else this.away(machine);
  }

  away({ name, changedAt }: Machine): void {
    const since = new Date(changedAt).toISOString();
    const reason = this.#link.isUp
      ? `${name} is away since ${since}`
      : `there is no connection to NATS: ${this.#link.lastError?.message ?? 'connecting'}`;
    for (const imported of this.#machines.get(name)?.values() ?? []) imported.away(reason);
  }

  forgotten({ name }: Machine): void {
    const known = this.#machines.get(name);
    for (const [topic, imported] of known ?? []) this.#remove(known!, topic, imported);
    this.#machines.delete(name);
  }

  /** Topics that somebody here listens to. */
  get size(): number {
    return this.#hearing.size;
  }

  #patternsFor(machine: string): readonly string[] {
    if (machine === this.#own) return [];
    return this.#imports.filter(({ from }) => globMatches(from, machine)).flatMap(({ topics }) => topics);
  }

  #isNamed(machine: Machine, topic: string): boolean {
    return isTopic(topic) && isTopic(nameOf(machine, topic));
  }

  #add(machine: Machine, topic: string, known: Map<string, ImportedTopic>): void {
    const name = nameOf(machine, topic);
    const imported = new ImportedTopic(
      { machine, topic, name, subject: this.#subjects.topic(machine.name, topic) },
      this.#client,
      {
        counters: this.counters,
        stream: this.#stream,
        wanted: (one) => this.#wanted(one),
        unwanted: (one) => this.#unwanted(one),
        failed: ({ subject }, error) =>
          this.#logger.debug(
            { event: 'fleet-refused', subject, error: messageOf(error) },
            'the stream cannot be read: retrying',
          ),
      },
    );
    known.set(topic, imported);
    this.#count++;
    void this.#awaitEnd(imported, name, known);
  }

  async #awaitEnd(imported: ImportedTopic, name: string, known: Map<string, ImportedTopic>): Promise<void> {
    const error = await imported.ended;
    this.#count--;
    if (error) {
      this.#isRefused = true;
      this.#logger.warn({ event: 'fleet-topic-refused', topic: name, code: error.code }, error.message);
    }
    if (known.get(imported.topic) === imported) known.delete(imported.topic);
  }

  #isFull({ name }: Machine, left: number): void {
    const message = `Too many topics from ${name}: ${left} ignored, limit ${this.#most} for all machines (maxTopics of ${REMOTE}.>). Import fewer topics, or raise the limit.`;
    this.#logger.warn({ event: 'fleet-topic-refused', machine: name, code: 'too-many-topics' }, message);
  }

  #remove(known: Map<string, ImportedTopic>, topic: string, imported: ImportedTopic): void {
    known.delete(topic);
    void imported.end();
  }

  #wanted(imported: ImportedTopic): void {
    if (this.#hearing.has(imported)) return;
    // Heard before it is asked for: the first message may come at once.
    this.#hearing.set(
      imported,
      this.#link.subscribe(imported.subject, (_, data) => imported.take(data)),
    );
    this.#demand.add(imported.machine.name, imported.topic);
  }

  #unwanted(imported: ImportedTopic): void {
    this.#hearing.get(imported)?.();
    this.#hearing.delete(imported);
    this.#demand.remove(imported.machine.name, imported.topic);
  }
}

function nameOf({ name }: Machine, topic: string): string {
  return `${REMOTE}.${name}.${topic}`;
}

/** Reports whether a machine's name is one that `*` for any characters makes of the pattern. */
export function globMatches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}
