/** Readers of server-sent events, in a process of their own: some stop reading when they are told to. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { percentile } from '../helpers/figures.ts';
import { Splitter } from '../helpers/splitter.ts';

/** What the process is started with. */
export interface ReadersOptions {
  socketPath: string;
  topic: string;
  count: number;
}

/** What it is asked, and what it answers to each. */
export type ReadersQuestion = { ask: 'freeze' | 'report' } | { ask: 'thaw' | 'told'; count: number };

export interface ReaderReport {
  /** Numbers of the first and the last message. */
  first: number;
  last: number;
  received: number;
  missed: number;
  /** Messages that came twice, out of order, or after a gap that was not told. */
  violations: number;
  connected: boolean;
}

export interface ReadersReport {
  readers: ReaderReport[];
  p99Ms: number;
  longestMs: number;
}

class Reader implements ReaderReport {
  readonly #socket: Socket;
  readonly #latencies: number[];
  readonly #lines = new Splitter('\n');
  first = 0;
  last = 0;
  received = 0;
  missed = 0;
  violations = 0;
  connected = true;
  #untold = 0;

  constructor({ socketPath, topic }: ReadersOptions, latencies: number[]) {
    this.#latencies = latencies;
    this.#socket = connect(socketPath).setEncoding('utf8');
    this.#socket.write(`GET /listen?topics=${topic} HTTP/1.1\r\nhost: x\r\n\r\n`);
    this.#socket.on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', () => {}); // `connected` tells.
    this.#socket.on('close', () => (this.connected = false));
  }

  freeze(): void {
    this.#socket.pause();
  }

  thaw(): void {
    this.#socket.resume();
  }

  /** Each event begins on a line of its own; what HTTP puts between the chunks is skipped. */
  #read(chunk: string): void {
    for (const line of this.#lines.push(chunk))
      if (line.startsWith('data: {')) this.#event(JSON.parse(line.slice(6)) as Record<string, unknown>);
  }

  #event({ seq, time, missed }: Record<string, unknown>): void {
    if (typeof missed === 'number') this.#untold = missed;
    if (typeof seq !== 'number' || typeof time !== 'number') return;
    if (this.first === 0) this.first = seq;
    else if (seq !== this.last + this.#untold + 1) this.violations++;
    this.missed += this.#untold;
    this.#untold = 0;
    this.last = seq;
    this.received++;
    this.#latencies.push(Date.now() - time);
  }
}

const options = JSON.parse(process.argv[2]!) as ReadersOptions;
const latencies: number[] = [];
const readers = Array.from({ length: options.count }, () => new Reader(options, latencies));

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function report(): ReadersReport {
  const seen = latencies.splice(0);
  return {
    readers: readers.map(({ first, last, received, missed, violations, connected }) => ({
      first,
      last,
      received,
      missed,
      violations,
      connected,
    })),
    p99Ms: percentile(seen, 99),
    longestMs: percentile(seen, 100),
  };
}

process.on('message', (question: ReadersQuestion) => {
  const answer = async (): Promise<unknown> => {
    switch (question.ask) {
      case 'freeze':
        return readers.forEach((reader) => reader.freeze());
      case 'thaw':
        return readers.slice(0, question.count).forEach((reader) => reader.thaw());
      case 'told':
        return until(() => readers.slice(0, question.count).every(({ missed }) => missed > 0));
      case 'report':
        return report();
      default:
        return question satisfies never;
    }
  };
  void answer().then((value) => process.send!({ value }));
});
process.on('disconnect', () => process.exit());
await until(() => readers.every(({ received, connected }) => received > 0 || !connected));
process.send!({ value: 'ready' });
