import type { Socket } from 'node:net';

/** What a hostile client does with each of its connections, again and again. */
export interface Attack {
  /** What it sends at once when it is connected. */
  first?: string;
  /** What it sends as fast as the daemon takes it. */
  again?: string;
  /** Reads nothing of what it is sent. */
  deaf?: true;
  /** Connects again as soon as it is connected, and not only when it was cut off. */
  restless?: true;
}

const frame = (type: string, data?: unknown): string => `${JSON.stringify({ type, data })}\f`;
const register = (topics: readonly string[], more?: object): string =>
  frame('chimed.register', { topics, ...more });
const unregister = (topics: readonly string[]): string => frame('chimed.unregister', { topics });

/** 250 patterns that match most topics, each in another way, and long ones that match none. */
const overlapping = Array.from({ length: 125 }, (_, index) => [
  ['*', 'topic', index % 2 === 0 ? '*' : '>'].join('.'),
  `${Array.from({ length: 100 }, () => (index % 3 === 0 ? '*' : 'a')).join('.')}.${index}`,
]).flat();
const MiB = 1024 ** 2;
const objects = `[${'{},'.repeat(Math.floor(MiB / 3) - 100)}{}]`;
const seen = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`a.topic.${index}`, index]));

/** One user at full tilt, in each of the ways that there are. */
export const attacks = {
  'registers and unregisters': {
    first: register(overlapping),
    again: (unregister(['a.topic.*']) + register(['a.topic.*', '*.topic.>'])).repeat(20),
  },
  'registers for everything, and leaves': { again: register(['>']) + unregister(['>']) },
  'unregisters from nothing': { first: register(overlapping), again: unregister([]).repeat(200) },
  'asks for the status': { again: frame('chimed.status', {}).repeat(100) },
  'asks for the status of many': {
    again: frame('chimed.status', { topics: Array.from({ length: 40_000 }, () => '>') }),
  },
  'asks for the status, and does not read': { again: frame('chimed.status', {}).repeat(100), deaf: true },
  resumes: { again: register(['>'], { resume: { instance: 'x', after: seen } }) + unregister(['>']) },
  'asks for a message': {
    first: frame('chimed.publish', { topic: 'p', data: 'x'.repeat(MiB - 1000) }),
    again: frame('chimed.get', { topic: 'p' }).repeat(500),
  },
  'publishes little': { again: frame('chimed.publish', { topic: 'p', data: 1 }).repeat(500) },
  'publishes much': { again: frame('chimed.publish', { topic: 'p', data: 'x'.repeat(MiB - 1000) }) },
  'publishes many objects': { again: `{"type":"chimed.publish","data":{"topic":"p","data":${objects}}}\f` },
  'sends many values': {
    again: `{"type":"chimed.publish","data":{"topic":"p","data":[${'{},'.repeat(20_000)}{}]}}\f`,
  },
  knocks: { again: frame('p', 'hello').repeat(500) },
  'sends types of a megabyte': { again: frame('x'.repeat(MiB - 100)) },
  'sends what is no frame': { again: 'no json\f' },
  'sends blanks': { again: '\n '.repeat(32_768) },
  'never ends a frame': { first: `{"type":"${'x'.repeat(MiB - 1000)}` },
  'comes and goes': { restless: true },
} satisfies Record<string, Attack>;

export type Way = keyof typeof attacks;

/** Sends as much as the daemon takes. */
export function pump(socket: Socket, bytes: Buffer): void {
  const send = (): void => {
    while (!socket.destroyed && socket.writableLength < 65_536) if (!socket.write(bytes)) return;
  };
  socket.on('drain', send);
  send();
}
