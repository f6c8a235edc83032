import type { Accounts } from '../../config/config.ts';
import { isWildcard } from '../../protocol/names.ts';
import { Audience, Pattern } from './audience.ts';
import type { Subscriber } from './audience.ts';
import { WordTree } from './word-tree.ts';

/**
 * The only place that knows who hears what. A pattern is matched with the topics once, when its first client registers
 * for it, and a topic with the patterns once, when it is configured; after that both know each other.
 */
export class SubscriptionIndex {
  readonly #audiences = new Map<string, Audience>();
  readonly #topics = new WordTree<Audience>();
  readonly #patterns = new Map<string, Pattern>();
  readonly #wildcards = new WordTree<Pattern>();

  /** Adds a topic. Its audience are all that are registered for it already. */
  addTopic(name: string, accounts: Accounts | undefined): Audience {
    const audience = new Audience(name, accounts);
    this.#audiences.set(name, audience);
    this.#topics.set(name, audience);
    const exact = this.#patterns.get(name);
    if (exact) connect(exact, audience);
    for (const pattern of this.#wildcards.matchedBy(name)) connect(pattern, audience);
    return audience;
  }

  /** Removes a topic. Its audience keep their patterns: it may come back. */
  removeTopic(audience: Audience): void {
    this.#audiences.delete(audience.topic);
    this.#topics.delete(audience.topic);
    for (const pattern of audience.patterns) pattern.audiences.delete(audience);
  }

  /** The pattern of this text, if a client is registered for it. */
  find(text: string): Pattern | undefined {
    return this.#patterns.get(text);
  }

  /** The pattern of this text, held for a client that is about to `join` it. */
  hold(text: string): Pattern {
    const pattern = this.#patterns.get(text) ?? this.#addPattern(text);
    pattern.holders++;
    return pattern;
  }

  /**
   * Registers a subscriber for a pattern that was held for it. Gives the audiences that it joins by it one by one, each
   * just after joining, so that the work can be spread over several turns of the event loop.
   */
  *join(subscriber: Subscriber, pattern: Pattern): Generator<Audience, void> {
    for (const audience of pattern.audiences) {
      if (audience.has(subscriber) || !audience.mayHear(subscriber)) continue;
      audience.joining.add(subscriber);
      yield audience;
    }
    pattern.subscribers.add(subscriber);
    subscriber.patterns.add(pattern);
    for (const audience of pattern.audiences) audience.joining.delete(subscriber);
  }

  /**
   * Takes back a registration: nothing is heard by it from the first step on.
   * @returns the audiences that nobody is left in, one by one.
   */
  *leave(subscriber: Subscriber, pattern: Pattern): Generator<Audience, void> {
    subscriber.patterns.delete(pattern);
    pattern.subscribers.delete(subscriber);
    const last = --pattern.holders === 0;
    if (last) this.#removePattern(pattern);
    for (const audience of pattern.audiences) {
      if (last) audience.patterns.delete(pattern);
      // While others are registered for the pattern, only a topic that they may not hear can have lost its last one.
      if ((last || audience.accounts) && audience.isEmpty) yield audience;
    }
  }

  /** What a subscriber hears, or will once it has joined more patterns: each topic once, at most so many of them. */
  heardBy(subscriber: Subscriber, more: Iterable<Pattern>, most: number): Audience[] {
    const heard = new Set<Audience>();
    for (const pattern of new Set([...subscriber.patterns, ...more])) {
      for (const audience of pattern.audiences) {
        if (!audience.mayHear(subscriber)) continue;
        heard.add(audience);
        if (heard.size > most) return [...heard];
      }
    }
    return [...heard];
  }

  /** The patterns without wildcards whose topics do not exist. */
  *unmatched(): Generator<Pattern, void> {
    for (const pattern of this.#patterns.values())
      if (pattern.audiences.size === 0 && !isWildcard(pattern.text)) yield pattern;
  }

  /** The audiences of the topics that a pattern matches. */
  matching(pattern: string): Audience[] {
    if (isWildcard(pattern)) return this.#topics.matching(pattern);
    const audience = this.#audiences.get(pattern);
    return audience ? [audience] : [];
  }

  #addPattern(text: string): Pattern {
    const pattern = new Pattern(text);
    this.#patterns.set(text, pattern);
    if (isWildcard(text)) this.#wildcards.set(text, pattern);
    for (const audience of this.matching(text)) connect(pattern, audience);
    return pattern;
  }

  #removePattern({ text }: Pattern): void {
    this.#patterns.delete(text);
    if (isWildcard(text)) this.#wildcards.delete(text);
  }
}

function connect(pattern: Pattern, audience: Audience): void {
  pattern.audiences.add(audience);
  audience.patterns.add(pattern);
}
