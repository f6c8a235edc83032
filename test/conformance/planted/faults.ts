/** A fault that the suite must find: a change of one place in our own library. */
export interface PlantedFault {
  /** File of the library, from `src/`. */
  file: string;
  right: string;
  wrong: string;
  /** A case that must fail. */
  found: string;
}

export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  'passes on a message twice': {
    file: 'client/subscriptions.ts',
    right: '(latest?.instance === instance && seq <= latest.seq) ||',
    wrong: '',
    found: 'drops a message that it has received already',
  },
  'passes on again what it had before the connection broke': {
    file: 'client/subscriptions.ts',
    right: 'seq <= latest.seq)',
    wrong: 'seq < latest.seq)',
    found: 'receives each message once when the daemon sends what it has kept',
  },
  'does not count gaps': {
    file: 'client/message-queue.ts',
    right: 'seq - before.seq - 1 : 0',
    wrong: '0 : 0',
    found: 'counts what is missing between two messages',
  },
  'counts one too many': {
    file: 'client/message-queue.ts',
    right: 'seq - before.seq - 1 : 0',
    wrong: 'seq - before.seq : 0',
    found: 'counts for each topic by itself',
  },
  'does not count what a full buffer has dropped': {
    file: 'client/message-queue.ts',
    right: '(this.#dropped.get(topic) ?? 0) + missed + 1',
    wrong: '0',
    found: 'tells a program that is slower than its topic exactly how much it missed',
  },
  'keeps without bound what a slow program does not take': {
    file: 'client/message-queue.ts',
    right: 'while (this.#isFull)',
    wrong: 'while (false)',
    found: 'tells a program that is slower than its topic exactly how much it missed',
  },
  'counts across two numberings': {
    file: 'client/message-queue.ts',
    right: 'before?.instance === instance ?',
    wrong: 'before ?',
    found: 'cannot count across two numberings of a topic, says so, and counts in the new one',
  },
  'does not forget the numbers of a daemon that is gone': {
    file: 'client/standing.ts',
    right: 'this.#instance = instance;\n    this.#from',
    wrong: 'this.#instance ??= instance;\n    this.#from',
    found: 'begins afresh with a daemon of a new instance, and says that it cannot count',
  },
  'does not say where it was': {
    file: 'client/greeting.ts',
    right: '...(resume && { resume }),',
    wrong: '',
    found: 'resumes after the last message of each topic',
  },
  'has no jitter': {
    file: 'client/backoff.ts',
    right: 'Math.round(random * ceiling)',
    wrong: 'ceiling',
    found: 'waits a random time, and begins again with the shortest once it was registered',
  },
  'does not wait at all': {
    file: 'client/backoff.ts',
    right: 'Math.round(random * ceiling)',
    wrong: '0',
    found: 'waits longer and longer before it tries again, but never longer than its bounds',
  },
  'waits longer than it must': {
    file: 'client/backoff.ts',
    right: 'Math.round(random * ceiling)',
    wrong: '10 * ceiling',
    found: 'waits longer and longer before it tries again, but never longer than its bounds',
  },
  'does not begin again with the shortest delay': {
    file: 'client/link.ts',
    right: 'this.#attempt = 0;\n    this.#ready = true;',
    wrong: 'this.#ready = true;',
    found: 'waits a random time, and begins again with the shortest once it was registered',
  },
  'stores frames of any length': {
    file: 'transport/dial.ts',
    right: 'maxBytes: LARGEST_FRAME_BYTES',
    wrong: 'maxBytes: Infinity',
    found: 'closes the connection at a frame that is too long, and reconnects',
  },
  'uses a directory that others can write to': {
    file: 'client/search.ts',
    right: 'if (!isForeignDirectory(dirname(path)))',
    wrong: 'if (true)',
    found: 'skips a directory that others can write to',
  },
  'does not provide again': {
    file: 'client/provided-topics.ts',
    right: 'topic.becomeUnwanted();\n      this.#requests.ask(topic);',
    wrong: 'topic.becomeUnwanted();',
    found: 'provides its topics again after it has reconnected',
  },
  'compares numbers that cannot be any': {
    file: 'client/incoming.ts',
    right: '!isReceivedSeq(seq)',
    wrong: 'false',
    found: 'ignores messages whose number cannot be one',
  },
  'repeats a registration that was refused': {
    file: 'client/link.ts',
    right: 'this.#wasRefused = true;',
    wrong: ';',
    found: 'registers without resuming when the daemon refuses its registration, and counts all the same',
  },
  'sends frames with any number of values': {
    file: 'client/own-frames.ts',
    right: 'maxValues: MOST_FRAME_VALUES',
    wrong: 'maxValues: Infinity',
    found: 'does not send a frame that has too many values or levels for the daemon',
  },
  'sends what has failed while the daemon did not read': {
    file: 'client/link.ts',
    right: 'this.#line!.pendingBytes <= MOST_PENDING_BYTES',
    wrong: 'true',
    found: 'does not send what has failed while the daemon did not read',
  },
};
