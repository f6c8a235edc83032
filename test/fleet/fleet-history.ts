import { History } from '../proof/history.ts';
import type { Heard } from '../proof/history.ts';

/** Numbers of one instance of a topic. */
interface Range {
  first: number;
  last: number;
}

/** What a listener heard of one instance of a topic. */
interface Part extends Range {
  received: number;
  missed: number;
}

/**
 * The history checker for a fleet. It takes what the origins numbered and what listeners on other machines heard, and accepts
 * only what chimed promises: in order, never twice, nothing that no origin numbered, and every gap told to the unit.
 * Topics have the names under which listeners hear them: `remote.MACHINE.TOPIC`.
 */
export class FleetHistory {
  readonly #numbered = new Map<string, Map<string, Range>>();
  readonly #ears: EarHistory[] = [];
  readonly #violations: string[] = [];

  /** An origin has given a message this number. */
  number(topic: string, instance: string, seq: number): void {
    const instances = getOrAdd(this.#numbered, topic, () => new Map<string, Range>());
    const range = instances.get(instance);
    if (range && seq !== range.last + 1)
      this.#violations.push(
        `the record of the origin of ${topic} is incomplete: #${seq} after #${range.last}`,
      );
    instances.set(instance, { first: range?.first ?? seq, last: seq });
  }

  /** As `number` for all numbers of a topic up to this one. */
  numberedTo(topic: string, instance: string, last: number): void {
    getOrAdd(this.#numbered, topic, () => new Map<string, Range>()).set(instance, { first: 1, last });
  }

  /** A new listener, whose history it keeps. */
  listen(name: string): EarHistory {
    const ear = new EarHistory(name);
    this.#ears.push(ear);
    return ear;
  }

  /** Whether a listener has heard the latest message of every topic that an origin has numbered, and none later. */
  isCaughtUp(ear: EarHistory): boolean {
    for (const [topic, instances] of this.#numbered) {
      const [instance, { last }] = [...instances].at(-1)!;
      if (ear.lastOf(topic, instance) !== last) return false;
    }
    return true;
  }

  /** How many messages the origins have numbered. */
  get count(): number {
    const ranges = [...this.#numbered.values()].flatMap((instances) => [...instances.values()]);
    return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  /** Everything that does not hold. */
  verdict(): string[] {
    return [...this.#violations, ...this.#ears.flatMap((ear) => this.#verdictOf(ear))];
  }

  #verdictOf(ear: EarHistory): string[] {
    const found = ear.violations.map((violation) => `${ear.name}: ${violation}`);
    for (const [topic, instance, { first, last, received, missed }] of ear.parts()) {
      const range = this.#numbered.get(topic)?.get(instance);
      if (!range || last > range.last)
        found.push(`${ear.name}: ${topic} #${last} of ${instance} was numbered by no origin`);
      if (received + missed !== last - first + 1)
        found.push(
          `${ear.name}: ${topic} #${first} to #${last}: ${received} received, ${missed} missed, ${last - first + 1} numbered`,
        );
    }
    return found;
  }
}

/** What one listener heard. */
export class EarHistory {
  readonly name: string;
  readonly #history = new History();
  readonly #parts = new Map<string, Map<string, Part>>();

  constructor(name: string) {
    this.name = name;
  }

  hear(heard: Heard): void {
    const { topic, instance, seq, missed } = heard;
    this.#history.hear(heard);
    const instances = getOrAdd(this.#parts, topic, () => new Map<string, Part>());
    const part = instances.get(instance);
    // What was missed before the first message of a numbering belongs to none of its numbers.
    if (!part) instances.set(instance, { first: seq, last: seq, received: 1, missed: 0 });
    else {
      part.last = seq;
      part.received++;
      part.missed += missed;
    }
  }

  get violations(): readonly string[] {
    return this.#history.violations;
  }

  get messages(): number {
    return this.#history.messages;
  }

  get missed(): number {
    return this.#history.missed;
  }

  /** Topics of which it has heard something. */
  get topics(): string[] {
    return [...this.#parts.keys()];
  }

  /** The last number that it heard, 0 if none. */
  lastOf(topic: string, instance: string): number {
    return this.#parts.get(topic)?.get(instance)?.last ?? 0;
  }

  *parts(): Iterable<[topic: string, instance: string, part: Readonly<Part>]> {
    for (const [topic, instances] of this.#parts)
      for (const [instance, part] of instances) yield [topic, instance, part];
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
