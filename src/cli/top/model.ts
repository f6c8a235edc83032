import type { Message } from '../../client/api.ts';
import type { ClientStatus, Status, TopicStatus } from '../../protocol/status-snapshot.ts';
import { excerptOf } from './excerpt.ts';
import { MessageRate } from './message-rate.ts';
import { placedNumbers } from './numbers.ts';
import { Series } from './series.ts';

/** Topics that are shown; their names, last payloads and numbers are in memory. */
export const MOST_SHOWN = 1000;

/** What is kept of the last message of a topic. */
interface LastMessage {
  /** An excerpt of the payload. */
  data: unknown;
  time: number;
}

export interface TopicView {
  status: TopicStatus;
  rate: MessageRate;
  last?: LastMessage;
  /** By the places of the numbers in the payload, in the order of the payload. */
  series: Map<string, Series>;
}

export interface ClientView {
  status: ClientStatus;
  rate: MessageRate;
}

/** All that is shown: the daemon's last status, and the last messages of its topics. */
export class Model {
  /** The last status; its topics and clients are below. Undefined before the first. */
  daemon: Omit<Status, 'topics' | 'clients'> | undefined;
  /** When that came, in milliseconds since the epoch. */
  updatedAt = 0;
  readonly topics = new Map<string, TopicView>();
  readonly clients = new Map<number, ClientView>();
  /** Of all topics. */
  readonly rates = { messages: new MessageRate(), sent: new MessageRate(), skipped: new MessageRate() };
  #arrived = new Map<string, LastMessage>();

  /** Keeps an excerpt of a message until the next update shows it; one message per topic. */
  hear({ topic, data, time }: Message): void {
    const known = this.daemon ? this.topics : this.#arrived;
    if (known.size >= MOST_SHOWN && !known.has(topic)) return;
    this.#arrived.set(topic, { data: excerptOf(data), time });
  }

  /** @param now In milliseconds since the epoch. */
  update({ topics, clients, ...daemon }: Status, now: number): void {
    const isSameRun = this.daemon?.instance === daemon.instance && this.daemon.pid === daemon.pid;
    this.daemon = daemon;
    this.updatedAt = now;
    for (const name of ['messages', 'sent', 'skipped'] as const)
      if (daemon.totals) this.rates[name].add(daemon.totals[name], now);
    this.#updateTopics(topics.slice(0, MOST_SHOWN), now);
    this.#updateClients(clients, isSameRun, now);
    const arrived = this.#arrived;
    this.#arrived = new Map();
    for (const [topic, message] of arrived) this.#show(topic, message);
  }

  #updateTopics(topics: readonly TopicStatus[], now: number): void {
    const gone = new Set(this.topics.keys());
    for (const status of topics) {
      gone.delete(status.topic);
      let view = this.topics.get(status.topic);
      if (view) view.status = status;
      else {
        view = { status, rate: new MessageRate(), series: new Map() };
        this.topics.set(status.topic, view);
      }
      view.rate.add(status.seq, now);
    }
    for (const topic of gone) this.topics.delete(topic);
  }

  /** @param isSameRun False: the numbers of clients have begun again. */
  #updateClients(clients: readonly ClientStatus[], isSameRun: boolean, now: number): void {
    if (!isSameRun) this.clients.clear();
    const gone = new Set(this.clients.keys());
    for (const status of clients) {
      gone.delete(status.id);
      const rate = this.clients.get(status.id)?.rate ?? new MessageRate();
      rate.add(status.sent, now);
      this.clients.set(status.id, { status, rate });
    }
    for (const id of gone) this.clients.delete(id);
  }

  #show(topic: string, message: LastMessage): void {
    const view = this.topics.get(topic);
    if (!view) return;
    view.last = message;
    const numbers = placedNumbers(message.data);
    for (const place of view.series.keys()) if (!numbers.has(place)) view.series.delete(place);
    for (const [place, value] of numbers) {
      const series = view.series.get(place) ?? new Series();
      series.push(value);
      view.series.set(place, series);
    }
  }
}
