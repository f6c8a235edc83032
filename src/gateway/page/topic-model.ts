import type { TopicStatus } from '../../protocol/status-snapshot.ts';
import type { FailingData, GatewayEvent, MessageEventData, MissedData } from './gateway-events.ts';
import { plottedNumbers } from './plotted-numbers.ts';
import { Points } from './points.ts';
import type { PointTable } from './points.ts';

/** Topics that the page follows. */
export const MOST_FOLLOWED = 1000;
/** Characters of a payload that are kept if it is large. */
const KEPT_CHARACTERS = 16_384;
const LARGE_CHARACTERS = 65_536;

/** The latest message of a topic. */
export interface LatestMessage {
  seq: number;
  time: number;
  stale: boolean;
  /** The instance in the id that it came with. */
  instance: string;
  payload: unknown;
  /** The payload was large: `payload` is the beginning of its JSON, which has this many characters. */
  cutFrom?: number;
}

export interface Failure {
  error: string;
  /** Null if the daemon does not tell. */
  since: number | null;
}

/** All that is known of one topic. */
export interface PageTopic {
  readonly name: string;
  /** As the gateway listed it; undefined for a topic that has just been heard of. */
  status: TopicStatus | undefined;
  latest: LatestMessage | undefined;
  failure: Failure | undefined;
  /** Messages that this page did not get; `uncounted` if there are more, nobody knows how many. */
  missed: number;
  uncounted: boolean;
  /** Paths of the numbers in `points`. */
  paths: string[];
  /** The payload has more numbers than are followed. */
  moreNumbers: boolean;
  points: Points;
}

/** A topic as it is sent to another tab. */
export type TopicCopy = Omit<PageTopic, 'points'> & { points: PointTable };

/** What a tab that joins gets from the one that leads. */
export interface ModelCopy {
  topics: TopicCopy[];
}

/** What is known of the topics: at most {@link MOST_FOLLOWED}, each with a bounded number of points. */
export class TopicModel {
  readonly topics = new Map<string, PageTopic>();
  /** How many topics there are, those included that are not followed. */
  topicCount = 0;
  readonly #changed: (topic: PageTopic) => void;
  readonly #unknown: () => void;

  /**
   * @param changed Is called for each topic that is to be drawn anew.
   * @param unknown Is called upon a topic that the list does not have: it is time to ask for the list.
   */
  constructor(changed: (topic: PageTopic) => void, unknown: () => void) {
    this.#changed = changed;
    this.#unknown = unknown;
  }

  /** Takes over the list of all topics. @returns whether topics came or went. */
  list(statuses: readonly TopicStatus[], topicCount: number): boolean {
    this.topicCount = topicCount;
    const kept = statuses.slice(0, MOST_FOLLOWED);
    const names = new Set(kept.map(({ topic }) => topic));
    const before = this.topics.size;
    const gone = [...this.topics.keys()].filter((name) => !names.has(name));
    for (const name of gone) this.topics.delete(name);
    const isNew = this.topics.size < names.size || gone.length > 0 || before === 0;
    for (const status of kept) {
      const topic = this.topics.get(status.topic) ?? this.#add(status.topic);
      topic.status = status;
      const { lastError, failingSince } = status;
      const since = failingSince ?? topic.failure?.since ?? null;
      topic.failure = lastError === null ? undefined : { error: lastError, since };
      this.#changed(topic);
    }
    return isNew;
  }

  /** Takes over an event of the stream. One that cannot be read is left out: it harms no other. */
  take({ name, id, text }: GatewayEvent): void {
    const data: unknown = JSON.parse(text);
    if (name === 'message') this.#message(data as MessageEventData, id, text.length);
    else if (name === 'missed') this.#missed(data as MissedData);
    else if (name === 'failing') this.#failing(data as FailingData);
    else if (name === 'recovered') this.#recovered(data as FailingData);
  }

  /** Interrupts the lines of all topics: nothing is known of the time until their next messages. */
  interrupt(): void {
    for (const topic of this.topics.values()) gap(topic);
  }

  copy(): ModelCopy {
    return {
      topics: [...this.topics.values()].map((topic) => ({ ...topic, points: topic.points.toTable() })),
    };
  }

  restore({ topics }: ModelCopy): void {
    for (const copy of topics) {
      const topic = { ...copy, points: Points.from(copy.points) };
      this.topics.set(topic.name, topic);
      this.#changed(topic);
    }
  }

  #message({ topic: name, seq, time, data, stale }: MessageEventData, id: string, characters: number): void {
    const topic = this.#find(name);
    if (topic === undefined) return;
    const instance = id.slice(0, id.lastIndexOf(':'));
    const { latest } = topic;
    const isRepeated = latest?.instance === instance && seq <= latest.seq && time <= latest.time;
    if (isRepeated && latest.seq === seq && latest.stale !== (stale === true)) latest.stale = stale === true;
    if (isRepeated) return;
    const { numbers, more } = plottedNumbers(data);
    topic.latest = { seq, time, stale: stale === true, instance, ...withinBounds(data, characters) };
    topic.moreNumbers = more;
    addPoint(topic, time, numbers);
    // A source that recovers says so, but a message also proves it. A stale one proves nothing.
    if (!stale) topic.failure = undefined;
    this.#changed(topic);
  }

  #missed({ topic: name, missed }: MissedData): void {
    if (name === undefined) {
      for (const topic of this.topics.values()) if (topic.latest) this.#addMissed(topic, missed);
      return;
    }
    const topic = this.#find(name);
    if (topic !== undefined) this.#addMissed(topic, missed);
  }

  #addMissed(topic: PageTopic, missed: number | null): void {
    if (missed === null) topic.uncounted = true;
    else topic.missed += missed;
    gap(topic);
    this.#changed(topic);
  }

  #failing({ topic: name, error, since }: FailingData): void {
    const topic = this.#find(name);
    if (topic === undefined) return;
    topic.failure = { error, since };
    gap(topic);
    this.#changed(topic);
  }

  #recovered({ topic: name }: { topic: string }): void {
    const topic = this.#find(name);
    if (topic === undefined) return;
    topic.failure = undefined;
    this.#changed(topic);
  }

  #find(name: string): PageTopic | undefined {
    const known = this.topics.get(name);
    if (known !== undefined) return known;
    if (this.topics.size === MOST_FOLLOWED) return undefined;
    this.#unknown();
    return this.#add(name);
  }

  #add(name: string): PageTopic {
    const topic: PageTopic = {
      name,
      status: undefined,
      latest: undefined,
      failure: undefined,
      missed: 0,
      uncounted: false,
      paths: [],
      moreNumbers: false,
      points: new Points(),
    };
    this.topics.set(name, topic);
    return topic;
  }
}

function withinBounds(payload: unknown, characters: number): Pick<LatestMessage, 'payload' | 'cutFrom'> {
  if (characters <= LARGE_CHARACTERS) return { payload };
  const text = JSON.stringify(payload);
  return { payload: text.slice(0, KEPT_CHARACTERS), cutFrom: text.length };
}

function addPoint(topic: PageTopic, time: number, numbers: readonly { path: string; value: number }[]): void {
  const paths = numbers.map(({ path }) => path);
  // A payload of another shape has other numbers: what was drawn of the former ones would be mistaken for theirs.
  const isSameShape =
    topic.paths.length === paths.length && topic.paths.every((path, at) => path === paths[at]);
  if (!isSameShape) {
    topic.paths = paths;
    topic.points = new Points();
  }
  if (paths.length > 0)
    topic.points.push(
      time,
      numbers.map(({ value }) => value),
    );
}

/** Ends the line of a topic; the next point begins another one. */
function gap({ points }: PageTopic): void {
  const { length } = points;
  if (length === 0) return;
  const isOpen = points.number(0, length - 1) === null;
  if (!isOpen) points.push(points.time(length - 1) + 1, []);
}
