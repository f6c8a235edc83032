import type { DaemonCase } from '../daemon-case.ts';
import { hasSeqs } from './assertions.ts';
import { tight } from './settings.ts';
import { instanceOf, kept, publishAll, resume, upTo } from './resume.ts';

/** Messages that a client has missed, 1 MB, and that are new while it reads nothing: the kernel holds fewer of them. */
const [MISSED, NEW] = [500, 50];

/** What comes after `after` of six messages, and of a seventh that is published later, where so many are kept. */
function resumption(history: number, after: number, seqs: readonly number[], what: string): DaemonCase {
  const topic = `kept${history}after${after}.t`;
  return {
    name: `sends ${what} to a client that resumes, in order, and then new ones`,
    rules: [20, 21],
    topics: { [topic]: kept(history) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publishAll(publisher, ...Array<string>(6).fill(topic));
      const instance = await instanceOf(daemon);
      const [peer] = await resume(daemon, [topic], { instance, after: { [topic]: after } });
      await peer.messages(topic, seqs.length); // Until these have arrived, the history can let go of them.
      await publisher.publish(topic, 'new');
      hasSeqs(await upTo(peer, 'new'), ...seqs, 7);
    },
  };
}

export const resuming: readonly DaemonCase[] = [
  resumption(10, 1, [2, 3, 4, 5, 6], 'all messages that it missed and the daemon has kept'),
  resumption(10, 0, [1, 2, 3, 4, 5, 6], 'all messages that the daemon has kept, after number 0,'),
  resumption(10, 6, [], 'nothing that it has received'),
  resumption(2, 1, [5, 6], 'what is left, after a gap, of messages that were not all kept'),
  {
    name: 'sends what was missed before what is new, though more is kept than can be queued',
    rules: [21],
    topics: { 'replay.t': kept(MISSED + NEW) },
    settings: tight,
    async run({ daemon }) {
      const publisher = await daemon.connect();
      const data = 'x'.repeat(2000);
      for (let count = 0; count < MISSED; count++) await publisher.publish('replay.t', data);
      const peer = await daemon.connect();
      const { instance } = await peer.register([]);
      peer.freeze();
      peer.send('chimed.register', { topics: ['replay.t'], resume: { instance, after: { 'replay.t': 0 } } });
      for (let count = 0; count < NEW; count++) await publisher.publish('replay.t', data);
      peer.thaw();
      const messages = await peer.messages('replay.t', MISSED + NEW);
      hasSeqs(messages, ...messages.map((_, index) => index + 1));
    },
  },
  {
    name: 'begins with the last message if the numbering has changed',
    rules: [20, 21],
    topics: { 'other.t': kept(10) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publishAll(publisher, 'other.t', 'other.t', 'other.t');
      const [peer] = await resume(daemon, ['other.t'], {
        instance: 'of-another-daemon',
        after: { 'other.t': 1 },
      });
      await publisher.publish('other.t', 'new');
      hasSeqs(await upTo(peer, 'new'), 3, 4);
    },
  },
  {
    name: 'resumes a topic that has a numbering of its own by the id of that',
    rules: [20, 21],
    topics: { 'origin.t': { provide: true, history: 10 } },
    async run({ daemon }) {
      const provider = await daemon.provider('origin.t');
      for (const seq of [2, 5, 9]) provider.send('origin.t', seq, { seq, time: seq, instance: 'origin' });
      await provider.settled();
      const instance = await instanceOf(daemon);
      const after = { 'origin.t': 2 };
      const points: readonly (readonly [object, readonly number[]])[] = [
        [{ instance, after, instances: { 'origin.t': 'origin' } }, [5, 9]],
        [{ instance: 'of-another-daemon', after, instances: { 'origin.t': 'origin' } }, [5, 9]],
        [{ instance, after, instances: { 'origin.t': 'former' } }, [9]],
      ];
      for (const [point, seqs] of points) {
        const [peer] = await resume(daemon, ['origin.t'], point);
        hasSeqs(await upTo(peer, 9), ...seqs);
      }
    },
  },
];
