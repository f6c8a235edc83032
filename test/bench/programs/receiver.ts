/**
 * Many plain sockets that count what they hear, in as few instructions as Node needs. Where the server takes
 * publications, it makes the flood as well: so it knows what its slowest client has heard, without asking.
 * Usage, with an IPC channel: receiver.ts SYSTEM PLACE DRIVE CLIENTS
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import type { Drive } from '../drive.ts';
import { percentile } from '../../helpers/figures.ts';
import { countMessages, now, payload, timeIn } from '../message.ts';
import type { Place } from '../place.ts';
import { systemNamed } from '../systems/all.ts';
import { Flood } from './flood.ts';

export interface Command {
  listenSeconds: number;
}

export interface Heard {
  messages: number;
  seconds: number;
  /** Messages that were published and never came. */
  lost: number;
  /** From a tick to the arrival at each client, in microseconds; NaN if the messages do not carry the time. */
  p50: number;
  p99: number;
  /** From the first client that hears a tick to the last; the median of all ticks. */
  spread: number;
}

/** How many connect at a time. */
const CONNECTING = 50;

const [name, placeText, driveText, clientsText] = process.argv.slice(2);
const system = systemNamed(name!);
const place = JSON.parse(placeText!) as Place;
const drive = JSON.parse(driveText!) as Drive;
const clients = Number(clientsText);

/** One for all sockets: what is in it has been counted before the next one reads. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

const heard = new Uint32Array(clients);
const flood =
  drive.kind === 'flood' && system.publisher
    ? new Flood(
        open(() => {}),
        system.publisher,
        drive.topics[0],
        heard,
      )
    : undefined;

/** For ticks: when each was made, and who heard it when. */
const arrivals = new Map<number, { first: number; last: number }>();
const lateness: number[] = [];

function open(read: (bytes: Buffer) => void): Socket {
  const callback = (count: number): boolean => {
    read(readBuffer.subarray(0, count));
    return true;
  };
  return connect({ ...system.address(place), onread: { buffer: readBuffer, callback } });
}

/** Connects the client of this number. */
async function join(client: number): Promise<void> {
  const socket = await connected((bytes) => {
    heard[client]! += countMessages(bytes);
    if (drive.kind === 'ticks' && drive.topics.length === 1) note(bytes);
    flood?.flow();
  });
  // A server that has fewer clients does less work than the others.
  socket.on('close', () => {
    throw new Error(`${system.name} closed the connection of client ${client}`);
  });
  socket.write(system.subscription(drive.topics), 'latin1');
}

/** Tries again while more wait to be accepted than the server allows. */
async function connected(read: (bytes: Buffer) => void): Promise<Socket> {
  for (;;) {
    const socket = open(read);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await wait(10);
    }
  }
}

function note(bytes: Buffer): void {
  const at = Math.round((system.timeOf ?? timeIn)(bytes));
  const arrival = now();
  lateness.push(arrival - at);
  const tick = arrivals.get(at);
  if (tick) tick.last = arrival;
  else arrivals.set(at, { first: arrival, last: arrival });
}

const total = (): number => heard.reduce((one, other) => one + other, 0);

async function listen(seconds: number): Promise<Heard> {
  lateness.length = 0;
  arrivals.clear();
  const [before, begin] = [total(), performance.now()];
  await wait(seconds * 1000);
  const messages = total() - before;
  const took = (performance.now() - begin) / 1000;
  const spreads = [...arrivals.values()].map(({ first, last }) => last - first);
  return {
    messages,
    seconds: took,
    lost: (await flood?.stop()) ?? 0,
    p50: percentile(lateness, 50),
    p99: percentile(lateness, 99),
    spread: percentile(spreads, 50),
  };
}

for (let from = 0; from < clients; from += CONNECTING) {
  const some = Array.from({ length: Math.min(CONNECTING, clients - from) }, (_, index) => join(from + index));
  await Promise.all(some);
}
/** Of ticks, two: the first message may be the answer to the registration, while the first sample is still being taken. */
const enough = { silence: 0, flood: 1, ticks: 2 }[drive.kind];
while (heard.some((count) => count < enough)) {
  flood?.once(payload());
  await wait(50);
}
flood?.start();
process.send!('gathered');
process.on('message', async ({ listenSeconds }: Command) => process.send!(await listen(listenSeconds)));
process.on('disconnect', () => process.exit());
