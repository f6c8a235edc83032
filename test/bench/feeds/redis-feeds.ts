import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import type { Place } from '../place.ts';
import { Processes } from '../processes.ts';
import { TOPIC } from './feed.ts';
import type { Feed, Feeds } from './feed.ts';
import { Peer } from './peer.ts';
import type { Script } from './peer.ts';

const MEMORY_ONLY = ['--save', '', '--appendonly', 'no'];
/** By default, Redis disconnects a subscriber that is 32 MiB behind, or 8 MiB for a minute. */
const NO_LIMITS = ['--client-output-buffer-limit', 'pubsub 0 0 0'];

/** What the server would send. */
const script: Script = {
  answer(received) {
    const isSubscribed = received.includes('SUBSCRIBE');
    return { text: isSubscribed ? `${array(['subscribe', TOPIC], 3)}:1\r\n` : '+OK\r\n', isSubscribed };
  },
  message: (payload) => array(['message', TOPIC, payload]),
};

export const redisFeeds: Feeds = {
  unlimited: serve,
  forSlow: serve,
  peer: ({ socket }) => Peer.listen(socket, script),
};

/** A server, and a publisher that writes a pipeline that was encoded in advance. */
async function serve({ folder, socket }: Place): Promise<Feed> {
  await using cleanUp = new AsyncDisposableStack();
  const server = cleanUp.use(new Processes());
  const local = ['--port', '0', '--unixsocket', socket, '--dir', folder];
  const command = ['redis-server', ...local, ...MEMORY_ONLY, ...NO_LIMITS];
  await server.startServer('redis-server', command, { path: socket });
  const publisher = connect(socket);
  cleanUp.defer(() => void publisher.destroy());
  await once(publisher, 'connect');
  const end = cleanUp.move();
  return {
    serverPid: server.pids[0]!,
    async subscribed() {
      for (let reply = ''; !reply.endsWith(':1\r\n'); await wait(1)) {
        publisher.write(array(['PUBSUB', 'NUMSUB', TOPIC]));
        const [bytes] = (await once(publisher, 'data')) as [Buffer];
        reply = bytes.toString('latin1');
      }
      publisher.write(array(['CLIENT', 'REPLY', 'OFF'])); // Else the server answers each publication.
    },
    encode: (payload, count) => Buffer.from(array(['PUBLISH', TOPIC, payload]).repeat(count), 'latin1'),
    write: (messages) => void publisher.write(messages),
    [Symbol.asyncDispose]: () => end[Symbol.asyncDispose](),
  };
}

/** Strings as an array of Redis. With a length, more items follow. */
function array(strings: readonly string[], length = strings.length): string {
  return `*${length}\r\n${strings.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
}
