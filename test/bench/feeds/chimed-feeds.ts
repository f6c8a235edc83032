import { startDaemon } from '../../helpers/daemon.ts';
import type { Place } from '../place.ts';
import { TOPIC } from './feed.ts';
import type { Feed, Feeds } from './feed.ts';
import { Peer } from './peer.ts';
import type { Script } from './peer.ts';

const INSTANCE = 'b86cbadef023231f';

const NO_LIMITS = {
  requestsPerSecond: 1_000_000_000,
  bytesPerSecond: '100GiB',
  pendingBytes: '4GiB',
  memory: '8GiB',
  memoryPerUser: '8GiB',
  stallTimeout: '10m',
};

/** What the daemon would send. */
const script: Script = {
  // A client can register for nothing before it registers for the topic.
  answer(received) {
    const isSubscribed = received.includes(`"${TOPIC}"`);
    const topics = isSubscribed ? [{ topic: TOPIC, interval: null, instance: INSTANCE, seq: 0 }] : [];
    const limits = { frameBytes: 2 ** 20 };
    const data = { protocol: 1, client: 1, instance: INSTANCE, offset: 0, topics, limits };
    return { text: frame('chimed.registered', JSON.stringify(data)), isSubscribed };
  },
  message: (payload, seq) =>
    `{"type":"${TOPIC}","data":${payload},"seq":${seq},"time":${Date.now()},"offset":${seq}}\f`,
};

export const chimedFeeds: Feeds = {
  unlimited: (place) => serve(place, NO_LIMITS),
  forSlow: (place) => serve(place, {}),
  peer: ({ socket }) => Peer.listen(socket, script),
};

/** A daemon, and a provider of the topic that writes frames that were encoded in advance. */
async function serve({ socket }: Place, clients: object): Promise<Feed> {
  await using cleanUp = new AsyncDisposableStack();
  const config = { clients, topics: { [TOPIC]: { provide: true } } };
  const daemon = cleanUp.use(await startDaemon(config, { socket }));
  const provider = cleanUp.use(await daemon.raw());
  provider.send('chimed.provide', { topics: [TOPIC] });
  const end = cleanUp.move();
  return {
    serverPid: daemon.program.pid,
    subscribed: async () => void (await provider.frame('chimed.wanted')),
    encode: (payload, count) => Buffer.from(frame(TOPIC, payload).repeat(count), 'latin1'),
    write: (messages) => void provider.write(messages),
    [Symbol.asyncDispose]: () => end[Symbol.asyncDispose](),
  };
}

/** @param data JSON. */
function frame(type: string, data: string): string {
  return `{"type":"${type}","data":${data}}\f`;
}
