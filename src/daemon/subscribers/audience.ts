import type { Accounts } from '../../config/config.ts';
import type { Peer } from '../../linux/peer.ts';
import { includes } from './access.ts';

/** What a subscriber that comes back has missed of a topic, message by message, and then what has come meanwhile. */
export interface Missed {
  /** True while it will come to every new message of the topic: the topic is there, and the subscriber hears it. */
  readonly isOpen: boolean;
  /** The next message; undefined when the subscriber has all. */
  next(): Buffer | undefined;
  /** How many have been lost since this was last asked for. */
  takeLost(): number;
}

/** Whoever hears topics. */
export interface Subscriber {
  /** Who it is, as the kernel says. */
  readonly peer: Peer | undefined;
  /** What it is registered for. */
  readonly patterns: Set<Pattern>;
  /** Takes a message. Must not throw: others wait behind it. */
  message(topic: string, frame: Buffer): void;
  /** Has what it missed follow as room comes; new messages of the topic are part of that. Must not throw either. */
  replay(topic: string, missed: Missed): void;
  /** Takes a control message about a topic, of which only the latest counts. Must not throw either. */
  notice(topic: string, frame: Buffer): void;
}

/** A topic name or wildcard pattern that clients are registered for. All who registered for the same share one. */
export class Pattern {
  readonly text: string;
  /** Registered, and joined to all topics that match. */
  readonly subscribers = new Set<Subscriber>();
  /** The audiences of the topics that match. */
  readonly audiences = new Set<Audience>();
  /** Subscribers, and those that are about to be: the pattern is forgotten with the last of them. */
  holders = 0;

  constructor(text: string) {
    this.text = text;
  }
}

/** Who hears one topic: the subscribers of all patterns that match it, as far as they may. */
export class Audience {
  readonly topic: string;
  /** The topic's `access.subscribe`; undefined lets everybody hear it. */
  accounts: Accounts | undefined;
  readonly patterns = new Set<Pattern>();
  /** Have joined this topic, and not yet all others of the pattern that they register for. */
  readonly joining = new Set<Subscriber>();

  constructor(topic: string, accounts: Accounts | undefined) {
    this.topic = topic;
    this.accounts = accounts;
  }

  mayHear({ peer }: Pick<Subscriber, 'peer'>): boolean {
    return includes(this.accounts, peer);
  }

  /** Reports whether the subscriber is registered for the topic. */
  has(subscriber: Subscriber): boolean {
    return this.joining.has(subscriber) || isIn(this.patterns, subscriber);
  }

  get isEmpty(): boolean {
    if (this.joining.size > 0) return false;
    for (const { subscribers } of this.patterns)
      for (const subscriber of subscribers) if (this.mayHear(subscriber)) return false;
    return true;
  }

  get size(): number {
    let size = 0;
    this.each(() => size++);
    return size;
  }

  /** Visits each subscriber that hears the topic, once. */
  each(visit: (subscriber: Subscriber) => void): void {
    // As most topics are heard: by one pattern, and by everybody who likes to.
    if (this.accounts === undefined && this.patterns.size === 1)
      for (const { subscribers } of this.patterns) subscribers.forEach(visit);
    else
      for (const pattern of this.patterns)
        for (const subscriber of pattern.subscribers)
          if (!isIn(this.patterns, subscriber, pattern) && this.mayHear(subscriber)) visit(subscriber);
    for (const subscriber of this.joining)
      if (!isIn(this.patterns, subscriber) && this.mayHear(subscriber)) visit(subscriber);
  }
}

/** Reports whether the subscriber is registered for one of the patterns, of which only those before `end` count. */
function isIn(patterns: Iterable<Pattern>, subscriber: Subscriber, end?: Pattern): boolean {
  for (const pattern of patterns) {
    if (pattern === end) return false;
    if (pattern.subscribers.has(subscriber)) return true;
  }
  return false;
}
