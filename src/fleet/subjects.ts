/** What bridges say to each other, beside the messages of topics. */
export type Talk = 'here' | 'bye' | 'who' | 'topics' | 'ask' | 'want' | 'again' | 'last';

/**
 * The subjects of a fleet. A machine publishes only below its own name, so that a server can give it the right to these
 * subjects alone. What bridges say to each other is apart from the messages, so that a stream can hold the messages alone.
 */
export class Subjects {
  readonly #messages: string;
  readonly #talk: string;

  /** @param prefix First word, or words, of all subjects. */
  constructor(prefix: string) {
    this.#messages = prefix;
    this.#talk = `${prefix}-fleet`;
  }

  /** The messages of a machine's topic. */
  topic(machine: string, topic: string): string {
    return `${this.#messages}.${machine}.${topic}`;
  }

  /** The messages of all topics of all machines. */
  get allTopics(): string {
    return `${this.#messages}.>`;
  }

  /** What a machine says: to all, or to another one. `*` stands for any machine. @param topic For `last`. */
  talk(machine: string, talk: Talk, to?: string, topic?: string): string {
    return [this.#talk, machine, talk, to, topic].filter((word) => word !== undefined).join('.');
  }

  /** Who said something, and the topic that it is about, for `last`. */
  parse(subject: string): { machine: string; topic: string } {
    const words = subject.slice(this.#talk.length + 1).split('.');
    return { machine: words[0] ?? '', topic: words.slice(3).join('.') };
  }
}
