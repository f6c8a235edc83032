import type { PlantedFault } from './faults.ts';

/** Faults of the daemon that the suite must find. */
export const plantedDaemonFaults: Readonly<Record<string, PlantedFault>> = {
  'takes white space before a frame for a part of it': {
    file: 'transport/frames.ts',
    right: 'byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09',
    wrong: 'byte === 0x0d',
    found: 'takes its time between two frames',
  },
  'rejects a frame of the largest size': {
    file: 'transport/frames.ts',
    right: 'bytes.length > maxBytes) return tooLong',
    wrong: 'bytes.length >= maxBytes) return tooLong',
    found: 'accepts a frame of limits.frameBytes, and rejects one that is a byte longer',
  },
  'replaces bytes that are not UTF-8': {
    file: 'transport/frames.ts',
    right: '&& !isUtf8(bytes)',
    wrong: '&& !isUtf8(bytes) && false',
    found: 'rejects bytes that are not UTF-8 as not-json, and closes the connection',
  },
  'begins the age of a frame anew with each byte': {
    file: 'transport/connection.ts',
    right: 'if (frame) this.#stopAgeTimer();',
    wrong: 'this.#stopAgeTimer();',
    found: 'gives a frame no more time because its bytes arrive one by one',
  },
  'sends messages before the answer to a registration': {
    file: 'daemon/requests/registration.ts',
    right:
      'client.answer(registeredFrame(client, context, added, resumption));\n  yield* joinAll(client, added, context, resumption);',
    wrong:
      'yield* joinAll(client, added, context, resumption);\n  client.answer(registeredFrame(client, context, added, resumption));',
    found: 'answers a registration before it sends the messages that result from it',
  },
  'lists a topic too few': {
    file: 'daemon/requests/registration.ts',
    right: 'MOST_LISTED = 1000',
    wrong: 'MOST_LISTED = 999',
    found: 'lists 1,000 topics, and says if there are more',
  },
  'takes > for any number of words': {
    file: 'daemon/subscribers/word-tree.ts',
    right: "word === '>') addAllBelow(node, found);",
    wrong:
      "word === '>') { if (node.value !== undefined) found.push(node.value); addAllBelow(node, found); }",
    found: 'takes * for exactly one word, and > at the end for one or more',
  },
  'keeps a pattern that was withdrawn': {
    file: 'daemon/requests/registration.ts',
    right: 'for (const audience of index.leave(client, pattern))',
    wrong: 'for (const audience of [] as ReturnType<typeof index.leave>)',
    found: 'withdraws patterns, answers with what is left, and sends no more of the others',
  },
  'gives times in seconds': {
    file: 'daemon/topics/message-log.ts',
    right: 'seq: ++this.seq, time: Date.now()',
    wrong: 'seq: ++this.seq, time: Math.round(Date.now() / 1000)',
    found: 'sends a message with type, data, seq, time and offset, and nothing else',
  },
  'does not mark stale messages': {
    file: 'daemon/topics/topic.ts',
    right: '() => this.health.failing > 0);',
    wrong: '() => false);',
    found:
      'marks the last message as stale for a client that registers while the source fails, and for no other',
  },
  'counts less than it has skipped': {
    file: 'daemon/delivery/outbox.ts',
    right: 'if (this.#held!.delete(topic)) this.#countSkipped();',
    wrong: 'this.#held!.delete(topic);',
    found:
      'leaves gaps in the numbers that a slow client receives, as many as it counts, and ends with the newest message',
  },
  'compares numbers of two numberings': {
    file: 'daemon/requests/resumption.ts',
    right: ': numbering === (topic.instance ?? this.#instance)',
    wrong: ': true',
    found: 'resumes a topic that has a numbering of its own by the id of that',
  },
  'is off by one in what a client has at an offset': {
    file: 'daemon/requests/resumption.ts',
    right: 'topic.seq - count',
    wrong: 'topic.seq - count + 1',
    found: 'resumes many topics by one offset, and lists the number that each had then',
  },
  'looks back over a message less': {
    file: 'daemon/topics/offsets.ts',
    right: 'this.#last - REMEMBERED + 1',
    wrong: 'this.#last - REMEMBERED + 2',
    found: 'looks back over the last 65,536 messages of all topics, and says uncounted beyond them',
  },
  'forgets the id of a request that it rejects': {
    file: 'daemon/requests/handle-request.ts',
    right: '...(id !== undefined && { id })',
    wrong: '',
    found: 'repeats the id of each request in its rejection',
  },
  'answers publications that have no id': {
    file: 'daemon/requests/topic-requests.ts',
    right: 'if (id === undefined) return;',
    wrong: '',
    found: 'answers a publication only if it has an id',
  },
  'lists too many topics in a page': {
    file: 'protocol/limits.ts',
    right: 'STATUS_PAGE = 200',
    wrong: 'STATUS_PAGE = 201',
    found: 'lists topics and clients in pages of 200, each once',
  },
  'says nothing when it stops': {
    file: 'daemon/daemon.ts',
    right: "type: 'chimed.stopping', data",
    wrong: "type: 'chimed.failing', data",
    found: 'says why it stops before it closes the connections, after what was queued',
  },
  'says nothing of a topic that a reload has closed': {
    file: 'daemon/topic-changes.ts',
    right: "client.refuse({ ...rejection, request: 'chimed.register', topic: name });",
    wrong: '',
    found: 'tells a client of a topic that a reload has removed, and sends the messages of its others',
  },
  'lets a gateway change its user': {
    file: 'daemon/requests/act-for.ts',
    right: 'if (!client.isNew)',
    wrong: 'if (false)',
    found: 'refuses onBehalfOf that comes later or twice, and closes the connection',
  },
  'gives a gateway the powers of its user': {
    file: 'daemon/requests/permissions.ts',
    right: 'user.isPrivileged && !onBehalfOf',
    wrong: 'user.isPrivileged || onBehalfOf',
    found: 'refuses a reload and a sample on behalf of any user, of root as well',
  },
  'lets a second client provide a topic': {
    file: 'daemon/requests/provide.ts',
    right: '    checkIsFree(existing, context);\n',
    wrong: '',
    found: 'refuses topic by topic what a client cannot provide, then answers, then says what is wanted',
  },
  'takes the same number twice': {
    file: 'daemon/topics/topic.ts',
    right: 'isSame && numbers.seq <= seq',
    wrong: 'isSame && numbers.seq < seq',
    found: 'refuses a number that is not higher than the last one of the same instance',
  },
  'tells a failure for the same reason again': {
    file: 'daemon/topics/source-health.ts',
    right: 'if (this.lastError !== before)',
    wrong: 'if (true)',
    found:
      'tells subscribers that a topic fails or fails for another reason, and that it has recovered before its message',
  },
  'tells of topics that come and go ten times per second': {
    file: 'daemon/requests/announcer.ts',
    right: 'CLIENT_MS = 1000',
    wrong: 'CLIENT_MS = 100',
    found: 'sends chimed.registered again when topics come or go, at most once per second to each client',
  },
};
