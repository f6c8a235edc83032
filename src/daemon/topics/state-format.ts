import { MOST_LEVELS, isDeeperThan } from '../../protocol/nesting.ts';
import { isTopic } from '../../protocol/names.ts';
import { HIGHEST_SEQ, isCount, isInstance, isTime } from '../../protocol/number-bounds.ts';
import type { SavedMessages } from './message-log.ts';

/** Numbering and kept messages of topics. */
export interface SavedTopics {
  /** The highest number of the topics that are not among `topics` any more, 0 if there were none. */
  floor: number;
  /** That of the latest message of all topics. */
  offset: number;
  topics: Map<string, SavedMessages>;
}

/** What goes on after a restart: the instance, and each topic's numbering and kept messages. */
export interface SavedState extends SavedTopics {
  instance: string;
}

const VERSION = 2;
const LINE_FEED = 0x0a;
const SPACE = 0x20;
/** How a state begins, of whichever version: a file that begins like it is ours, even if it is damaged. */
const BEGINNING = /^\{"version":\d+,"instance":"/;
/** The beginnings that there have been: a state that was cut off within one is ours as well. */
const BEGINNINGS = ['{"version":1,"instance":"', '{"version":2,"instance":"'];

/**
 * A state as the bytes of a file. A line of JSON for the whole; then for each topic a line of JSON, followed by
 * a line `seq time payload` for each message. Payloads are written as they are.
 */
export function* encodeState({ instance, floor, offset, topics }: SavedState): Generator<Buffer> {
  yield line({ version: VERSION, instance, floor, offset, topics: topics.size });
  for (const [topic, { seq, instance: own, origin, messages, sampled }] of topics) {
    yield line({ topic, seq, instance: own, origin, messages: messages.length, sampled });
    for (const message of messages) {
      yield Buffer.from(`${message.seq} ${message.time} `);
      yield message.json;
      yield LINE_END;
    }
  }
}

const LINE_END = Buffer.from([LINE_FEED]);

function line(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** Reports whether a file is a state of ours, whole or damaged. */
export function isState(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, 100);
  if (BEGINNING.test(start) || BEGINNINGS.some((beginning) => beginning.startsWith(start))) return true;
  if (bytes.every((byte) => byte === 0)) return true; // What a power cut may leave of it.
  try {
    decodeState(bytes); // Whole, but with another layout.
    return true;
  } catch {
    return false;
  }
}

/** @throws {Error} with what is wrong, if it is not a whole state of version 1 or 2. */
export function decodeState(bytes: Buffer): SavedState {
  return isVersion2(bytes) ? decodeLines(new Lines(bytes)) : decodeVersion1(bytes.toString());
}

function isVersion2(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, BEGINNINGS[1]!.length) === BEGINNINGS[1];
}

function decodeLines(lines: Lines): SavedState {
  const header = JSON.parse(lines.next().toString()) as Record<string, unknown>;
  const count = wholeNumber(header['topics'], 'number of topics');
  const topics = new Map<string, SavedMessages>();
  for (let index = 0; index < count; index++) {
    const { topic, seq, instance, origin, messages, sampled } = mapping(JSON.parse(lines.next().toString()));
    const entries = Array.from({ length: wholeNumber(messages, 'number of messages') }, () =>
      decodeMessage(lines.next()),
    );
    if (topics.has(String(topic))) throw new Error(`it has the topic ${String(topic)} twice`);
    const [name, saved] = checkTopic(topic, seq, entries, origin === true);
    topics.set(name, {
      ...saved,
      ...(instance !== undefined && { instance: checkInstance(instance) }),
      ...(sampled !== undefined && { sampled: checkSampled(sampled) }),
    });
  }
  lines.end();
  const { instance, floor, offset = 0 } = header;
  return {
    instance: checkInstance(instance),
    floor: checkSeq(floor, 'floor'),
    offset: checkSeq(offset, 'offset'),
    topics,
  };
}

function decodeMessage(bytes: Buffer): { seq: number; time: number; json: Buffer } {
  const first = bytes.indexOf(SPACE);
  const second = bytes.indexOf(SPACE, first + 1);
  if (first < 1 || second < 0) throw new Error('it has a message without a number, a time or a payload');
  const json = bytes.subarray(second + 1);
  JSON.parse(json.toString());
  return {
    seq: Number(bytes.toString('latin1', 0, first)),
    time: Number(bytes.toString('latin1', first + 1, second)),
    json,
  };
}

/** Version 0.1 wrote one JSON object. */
function decodeVersion1(text: string): SavedState {
  const value = mapping(JSON.parse(text));
  if (value['version'] !== 1) throw new Error(`it is not a state of version 1 or ${VERSION}`);
  const topics = Object.entries(mapping(value['topics'])).map(([topic, saved]) => {
    const { seq, messages } = mapping(saved);
    if (!Array.isArray(messages)) throw new Error(`it lacks the messages of ${topic}`);
    const entries = messages.map((message) => {
      const { seq: number, time, data } = mapping(message);
      return { seq: number as number, time: time as number, json: Buffer.from(jsonOf(data)) };
    });
    return checkTopic(topic, seq, entries);
  });
  return { instance: checkInstance(value['instance']), floor: 0, offset: 0, topics: new Map(topics) };
}

function jsonOf(data: unknown): string {
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw new Error('it has a message without a payload');
  return json;
}

function checkInstance(instance: unknown): string {
  if (isInstance(instance)) return instance;
  throw new Error('its instance is missing or broken');
}

function checkTopic(
  topic: unknown,
  seq: unknown,
  messages: SavedMessages['messages'],
  origin = false,
): [string, SavedMessages] {
  if (typeof topic !== 'string' || !isTopic(topic)) throw new Error('it has a topic whose name is none');
  const last = checkSeq(seq, topic);
  for (const [index, message] of messages.entries()) {
    const before = origin ? (messages[index - 1]?.seq ?? 0) : last - messages.length + index;
    const isNext = origin ? message.seq > before && message.seq <= last : message.seq === before + 1;
    if (!isNext || !Number.isSafeInteger(message.seq) || message.seq < 1)
      throw new Error(`its numbering of ${topic} is broken`);
    if (!isTime(message.time)) throw new Error(`it has a message of ${topic} without a time`);
  }
  // An older version kept payloads with more levels: they cannot be sent any more, nor what is before them.
  const unsendable = messages.findLastIndex(({ json }) => isDeeperThan(MOST_LEVELS, json.toString()));
  return [topic, { seq: last, ...(origin && { origin }), messages: messages.slice(unsendable + 1) }];
}

function checkSampled(value: unknown): { time: number; source: string } {
  const { time, source } = mapping(value);
  if (!Number.isSafeInteger(time) || typeof source !== 'string')
    throw new Error('it has a sample without a time or a source');
  return { time: time as number, source };
}

function checkSeq(seq: unknown, what: string): number {
  const number = wholeNumber(seq, `number of ${what}`);
  if (number > HIGHEST_SEQ) throw new Error(`its number of ${what} is too high`);
  return number;
}

function wholeNumber(value: unknown, what: string): number {
  if (isCount(value)) return value;
  throw new Error(`its ${what} is missing or broken`);
}

function mapping(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error('it has something other than an object where an object is expected');
}

/** The lines of a file, each ended by a line feed. */
class Lines {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): Buffer {
    const end = this.#bytes.indexOf(LINE_FEED, this.#at);
    if (end === -1) throw new Error('it is cut off');
    const found = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return found;
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new Error('something follows its end');
  }
}
