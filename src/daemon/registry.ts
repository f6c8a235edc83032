import { ChimedError } from '../errors.ts';
import type { RegisteredTopic } from '../protocol/messages.ts';
import { isWildcard, matches } from '../protocol/topics.ts';
import { checkAccess, includes } from './access.ts';
import type { Client } from './client.ts';
import type { Topic } from './topic.ts';

/** How many topics an error names. */
const NAMED = 20;

/** Who is connected, which topics there are, and who hears what. */
export class Registry {
  readonly #topics = new Map<string, Topic>();
  readonly #clients = new Map<number, Client>();
  /** How many connections each user has. */
  readonly #connections = new Map<number, number>();
  readonly #maxPatterns: () => number;

  /** @param maxPatterns How many patterns one client may have; a reload may change it. */
  constructor(maxPatterns: () => number) {
    this.#maxPatterns = maxPatterns;
  }

  get clients(): ReadonlyMap<number, Client> {
    return this.#clients;
  }

  get topics(): ReadonlyMap<string, Topic> {
    return this.#topics;
  }

  /** How many connections a user has. */
  connectionsOf(uid: number): number {
    return this.#connections.get(uid) ?? 0;
  }

  addClient(client: Client): void {
    this.#clients.set(client.id, client);
    this.#countConnection(client, 1);
  }

  removeClient(client: Client): void {
    this.#clients.delete(client.id);
    this.#countConnection(client, -1);
    for (const topic of this.#topicsOf(client)) topic.unsubscribe(client);
  }

  /** Adds a topic; the clients whose patterns match it hear it from now on, and are returned. */
  addTopic(topic: Topic): Client[] {
    this.#topics.set(topic.name, topic);
    const audience = this.#audience(topic);
    for (const client of audience) topic.subscribe(client);
    return audience;
  }

  /** Removes a topic; the clients who heard it are returned. They keep their patterns: it may come back. */
  removeTopic(topic: Topic): Client[] {
    this.#topics.delete(topic.name);
    const audience = this.#audience(topic);
    for (const client of audience) topic.unsubscribe(client);
    return audience;
  }

  /** Goes by a topic's new configuration; returns the clients who hear it now and did not, or the reverse. */
  refreshTopic(topic: Topic): Client[] {
    const clients = [...this.#clients.values()];
    const gone = clients.filter((client) => topic.has(client) && !hears(client, topic));
    const added = clients.filter((client) => !topic.has(client) && hears(client, topic));
    for (const client of gone) {
      topic.unsubscribe(client);
      client.forget(topic.name);
      const message = `a new configuration no longer lets you hear ${topic.name}`;
      client.refuse({ code: 'not-allowed', message, request: 'chimed.register', topic: topic.name });
    }
    for (const client of added) topic.subscribe(client);
    return [...gone, ...added];
  }

  /**
   * The topic of this name.
   * @throws {ChimedError} `unknown-topic`; the message lists those that there are.
   */
  topic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (topic) return topic;
    const names = [...this.#topics.keys()].toSorted();
    const more = names.length > NAMED ? `, and ${names.length - NAMED} more` : '';
    const known =
      names.length === 0 ? 'there are none' : `there is ${names.slice(0, NAMED).join(', ')}${more}`;
    throw new ChimedError('unknown-topic', `there is no topic ${name}; ${known}`);
  }

  /**
   * Bounds what one request can cost: past the limit, a pattern is refused without a look at what it names.
   * @throws {ChimedError} `too-many-patterns`.
   */
  checkCount(count: number): void {
    const most = this.#maxPatterns();
    if (count <= most) return;
    const message = `a client may register for ${most} patterns (clients.maxPatterns); use a wildcard`;
    throw new ChimedError('too-many-patterns', message);
  }

  /**
   * Registers a client for a topic, or for all that match a pattern, now and after a reload.
   * @returns the topics that the client does not hear yet; the caller subscribes it to them.
   * A pattern finds only topics that the client may hear.
   * @throws {ChimedError} `unknown-topic`, `not-allowed`, `too-many-patterns`.
   */
  register(client: Client, pattern: string): Topic[] {
    if (client.patterns.has(pattern)) return [];
    if (!isWildcard(pattern)) checkAccess(client, this.topic(pattern), 'subscribe');
    this.checkCount(client.patterns.size + 1);
    const added = this.#matching(pattern).filter((topic) => mayHear(client, topic) && !hears(client, topic));
    client.patterns.add(pattern);
    return added;
  }

  /** Takes back a registration; topics that another pattern of the client matches stay. */
  unregister(client: Client, pattern: string): void {
    if (!client.patterns.delete(pattern)) return;
    for (const topic of this.#matching(pattern)) {
      if (!hears(client, topic)) topic.unsubscribe(client);
    }
  }

  /** All that a client hears. */
  registrations(client: Client): RegisteredTopic[] {
    return this.#topicsOf(client).map(({ name, seq, config }) => ({
      topic: name,
      interval: config.schedule?.kind === 'interval' ? config.schedule.intervalMs : null,
      seq,
    }));
  }

  #countConnection({ peer }: Client, change: 1 | -1): void {
    if (!peer) return;
    const count = this.connectionsOf(peer.uid) + change;
    if (count > 0) this.#connections.set(peer.uid, count);
    else this.#connections.delete(peer.uid);
  }

  #audience(topic: Topic): Client[] {
    return [...this.#clients.values()].filter((client) => hears(client, topic));
  }

  #topicsOf(client: Client): Topic[] {
    return [...this.#topics.values()].filter((topic) => hears(client, topic));
  }

  #matching(pattern: string): Topic[] {
    if (!isWildcard(pattern)) return [this.#topics.get(pattern)].filter((topic) => topic !== undefined);
    return [...this.#topics.values()].filter((topic) => matches(pattern, topic.name));
  }
}

/** Reports whether the client is registered for the topic, and may hear it. */
function hears(client: Client, topic: Topic): boolean {
  return isRegistered(client, topic.name) && mayHear(client, topic);
}

function isRegistered(client: Client, topic: string): boolean {
  if (client.patterns.has(topic)) return true;
  for (const pattern of client.patterns) if (matches(pattern, topic)) return true;
  return false;
}

function mayHear(client: Client, topic: Topic): boolean {
  return includes(topic.config.access.subscribe, client.peer);
}
