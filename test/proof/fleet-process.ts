/* One process of a fleet: holds clients, and has a history checker for each. Started by fleet.ts. */
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';

import { connect } from '../../src/index.ts';
import type { Registered } from '../../src/protocol/messages.ts';
import { Splitter } from '../helpers/splitter.ts';
import { History } from './history.ts';

export interface FleetOptions {
  /** `library`: chimed's own client, which comes back by itself; `socket`: a plain socket, which does not. */
  kind: 'library' | 'socket';
  socket: string;
  count: number;
  topics: string[];
  /** The library's waits between attempts. */
  retry?: { minMs: number; maxMs: number };
}

export type FleetQuestion =
  | { ask: 'freeze'; count: number }
  | { ask: 'thaw' }
  | { ask: 'gone'; count: number }
  | { ask: 'heard'; topic: string; seq: number }
  | { ask: 'report' };

export type FleetWord =
  { kind: 'ready' } | { kind: 'done' } | { kind: 'report'; clients: ClientReport[]; lateness: Float64Array };

export interface ClientReport {
  /** The daemon's numbers for its connections, one after the other. */
  connections: number[];
  messages: number;
  missed: number;
  violations: string[];
  /** How often the numbering had begun again when it came back. */
  begunAgain: number;
  /** Longest time between two messages, in milliseconds. */
  longestGapMs: number;
  /** Codes of what it was told by `chimed.rejected`. */
  rejections: string[];
  connected: boolean;
}

const options = JSON.parse(process.argv[2]!) as FleetOptions;
const lateness: number[] = [];
/** How long one waits who found the daemon's backlog full. */
const BUSY_MS = 50;
/** What the parent waits for. */
let waiting: { isSo: () => boolean; done: () => void }[] = [];
let readyCount = 0;

class Member {
  readonly history = new History();
  readonly seqs = new Map<string, number>();
  readonly rejections: string[] = [];
  socket: Socket | undefined;
  readonly connections: number[] = [];
  begunAgain = 0;
  longestGapMs = 0;
  connected = false;
  #lastAt = 0;

  heard(topic: string, seq: number, time: number, missed: number, instance: string): void {
    const now = performance.now();
    // The first is the latest that there was when it joined: it was not late.
    if (this.#lastAt > 0) {
      lateness.push(performance.timeOrigin + now - time);
      this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastAt);
    }
    this.#lastAt = now;
    this.seqs.set(topic, seq);
    this.history.hear({ instance, topic, seq, missed });
    if (waiting.length > 0) lookForWaiting();
  }

  registered(client: number, goesOn: boolean): void {
    this.connections.push(client);
    this.connected = true;
    if (this.connections.length > 1 && !goesOn) this.begunAgain++;
    if (++readyCount === members.length) say({ kind: 'ready' });
  }

  lost(): void {
    if (this.connected) readyCount--;
    this.connected = false;
    lookForWaiting();
  }

  report(): ClientReport {
    const { connections, begunAgain, longestGapMs, rejections, connected } = this;
    const { messages, missed, violations } = this.history;
    const counts = { messages, missed, violations, begunAgain };
    return { connections, ...counts, longestGapMs, rejections, connected };
  }
}

function say(word: FleetWord): void {
  process.send!(word);
}

function joinByLibrary(member: Member): void {
  const { socket, retry } = options;
  const client = connect({ socket, name: 'fleet', timeoutMs: 30_000, ...(retry && { retry }) });
  client.on('state', (state) => {
    if (state.status === 'ready') member.registered(state.client, state.resumed);
    else if (state.status === 'waiting') member.lost();
  });
  void (async () => {
    for await (const { topic, seq, time, missed, instance } of client.listen(options.topics)) {
      member.heard(topic, seq, time, missed, instance);
    }
  })();
}

function joinBySocket(member: Member): void {
  const socket = connectSocket(options.socket);
  let instance = '';
  const splitter = new Splitter('\f');
  member.socket = socket;
  const take = (text: string): void => {
    const { type, data, seq, time } = JSON.parse(text) as Frame;
    if (type === 'chimed.registered') {
      const registered = data as Registered;
      instance = registered.instance;
      if (!member.connected) member.registered(registered.client, true);
    } else if (type === 'chimed.rejected') member.rejections.push((data as { code: string }).code);
    else if (seq !== undefined && time !== undefined) {
      const last = member.seqs.get(type);
      member.heard(type, seq, time, last === undefined ? 0 : seq - last - 1, instance);
    }
  };
  socket.setEncoding('utf8').on('data', (chunk: string) => splitter.push(chunk).forEach(take));
  let busy = false;
  socket.on('error', (error) => (busy = (error as NodeJS.ErrnoException).code === 'EAGAIN'));
  socket.on('close', () => {
    member.lost();
    // More came at once than the daemon's backlog holds; nothing else is tried again.
    if (busy) setTimeout(joinBySocket, BUSY_MS, member);
  });
  socket.write(
    `${JSON.stringify({ type: 'chimed.register', data: { name: 'fleet', topics: options.topics } })}\f`,
  );
}

interface Frame {
  type: string;
  data: unknown;
  seq?: number;
  time?: number;
}

function waitUntil(isSo: () => boolean, done: () => void): void {
  waiting.push({ isSo, done });
  lookForWaiting();
}

function lookForWaiting(): void {
  waiting = waiting.filter(({ isSo, done }) => {
    if (!isSo()) return true;
    done();
    return false;
  });
}

const members = Array.from({ length: options.count }, () => new Member());
for (const member of members) (options.kind === 'library' ? joinByLibrary : joinBySocket)(member);

process.on('message', (question: FleetQuestion) => {
  const done = (): void => say({ kind: 'done' });
  switch (question.ask) {
    case 'freeze':
      for (const { socket } of members.slice(0, question.count)) socket?.pause();
      return done();
    case 'thaw':
      for (const { socket } of members) socket?.resume();
      return done();
    case 'heard':
      return waitUntil(
        () => members.every(({ seqs }) => (seqs.get(question.topic) ?? 0) >= question.seq),
        done,
      );
    case 'gone':
      return waitUntil(() => members.filter(({ connected }) => !connected).length >= question.count, done);
    case 'report':
      return say({
        kind: 'report',
        clients: members.map((member) => member.report()),
        lateness: Float64Array.from(lateness),
      });
    default:
      return question satisfies never;
  }
});
process.on('disconnect', () => process.exit());
