/**
 * What the clients of each language take: messages as fast as they are read, and memory while their program is slow. Beside
 * them Redis clients of the same language, those that Debian has. It judges nothing.
 * `npm run bench:clients [-- ROUNDS]`
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { cpuMicroseconds } from '../helpers/proc.ts';
import { Program, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';

const MESSAGES = 200_000;
/** Some 100 bytes. */
const PAYLOAD = JSON.stringify({
  load: [0.42, 0.37, 0.31],
  cores: 4,
  free: 12_345_678,
  note: 'steady as she goes',
});
const CHUNK_MESSAGES = 500;
/** The slow loop: what is sent, and how long the program sleeps for each message. */
const SLOW = { seconds: 10, perSecond: 1000, bytes: 10_000, sleepSeconds: 0.1 };
const rounds = Number(process.argv[2] ?? 3);

const programs = join(import.meta.dirname, 'clients');
const clients = join(root, 'clients');
using folder = temporaryFolder();
const built = (name: string): string => folder.file(name);

type System = 'chimed' | 'redis';

interface Subscriber {
  language: string;
  system: System;
  client: string;
  needs: readonly string[];
  build?: string;
  argv: readonly string[];
  env?: NodeJS.ProcessEnv;
}

const subscribers: readonly Subscriber[] = [
  {
    language: 'Node',
    system: 'chimed',
    client: 'chimed',
    needs: [],
    argv: [process.execPath, join(programs, 'chimed-subscriber.mjs')],
  },
  {
    language: 'Python',
    system: 'chimed',
    client: 'chimed',
    needs: ['/usr/bin/python3'],
    argv: ['/usr/bin/python3', join(programs, 'chimed-subscriber.py')],
    env: { PYTHONPATH: join(clients, 'python') },
  },
  {
    language: 'Python',
    system: 'redis',
    client: 'redis-py, with hiredis',
    needs: ['/usr/bin/python3', 'redis-server'],
    argv: ['/usr/bin/python3', join(programs, 'redis-subscriber.py')],
  },
  {
    language: 'Go',
    system: 'chimed',
    client: 'chimed',
    needs: ['go'],
    build: `cd '${programs}/go-chimed' && go build -o '${built('go-chimed')}' .`,
    argv: [built('go-chimed')],
  },
  {
    language: 'Go',
    system: 'redis',
    client: 'redigo',
    needs: ['go', 'redis-server'],
    build: `cd '${programs}/go-redis' && GO111MODULE=off GOPATH=/usr/share/gocode go build -o '${built('go-redis')}' main.go`,
    argv: [built('go-redis')],
  },
  {
    language: 'Rust',
    system: 'chimed',
    client: 'chimed',
    needs: ['/usr/bin/rustc'],
    build: `/usr/bin/rustc --edition 2021 -O --crate-type rlib --crate-name chimed -o '${built('libchimed.rlib')}' '${clients}/rust/src/lib.rs' &&
      /usr/bin/rustc --edition 2021 -O --extern chimed='${built('libchimed.rlib')}' -o '${built('rust-chimed')}' '${programs}/chimed-subscriber.rs'`,
    argv: [built('rust-chimed')],
  },
  {
    language: 'C',
    system: 'chimed',
    client: 'chimed',
    needs: ['gcc'],
    build: `gcc -O2 -I '${clients}/c' -o '${built('c-chimed')}' '${programs}/chimed-subscriber.c' '${clients}/c/chimed.c'`,
    argv: [built('c-chimed')],
  },
  {
    language: 'C',
    system: 'redis',
    client: 'hiredis',
    needs: ['gcc', 'redis-server'],
    build: `gcc -O2 -o '${built('c-redis')}' '${programs}/redis-subscriber.c' -lhiredis`,
    argv: [built('c-redis')],
  },
];

/** Sends messages to one subscriber that has subscribed. The payloads are JSON. */
interface Feed extends AsyncDisposable {
  readonly socket: string;
  subscribed(): Promise<void>;
  /** Writes so many messages of a payload at once. Resolves when they may go on. */
  send(payload: string, count: number): Promise<void>;
  /** A process of its own that holds what the subscriber has not read. */
  readonly pid?: number;
}

/** What a socket takes until it is full; then waits. */
async function written(socket: Socket, bytes: string): Promise<void> {
  if (!socket.write(bytes)) await once(socket, 'drain');
}

/** A peer that sends frames as fast as the client reads them, as the daemon would encode them. */
async function scripted(): Promise<Feed> {
  const path = folder.file(`s${Math.random()}`);
  const subscribed = Promise.withResolvers<void>();
  let socket: Socket | undefined;
  let seq = 0;
  const server = createServer((peer) => {
    socket = peer.on('error', () => {});
    peer.setEncoding('utf8').on('data', (text: string) => {
      const registered = {
        protocol: 1,
        client: 1,
        instance: 'bench',
        offset: 0,
        topics: [],
        limits: { frameBytes: 2 ** 20 },
      };
      for (const frame of text.split('\f').filter(Boolean)) {
        peer.write(`${JSON.stringify({ type: 'chimed.registered', data: registered })}\f`);
        if (frame.includes('"bench"')) subscribed.resolve();
      }
    });
  });
  await once(server.listen(path), 'listening');
  return {
    socket: path,
    subscribed: () => subscribed.promise,
    async send(payload, count) {
      const frames = Array.from(
        { length: count },
        () => `{"type":"bench","data":${payload},"seq":${++seq},"time":1795450476742,"offset":${seq}}\f`,
      );
      await written(socket!, frames.join(''));
    },
    async [Symbol.asyncDispose]() {
      socket?.destroy();
      server.close();
    },
  };
}

/** The real daemon, and a provider that writes frames encoded in advance. */
async function daemon(): Promise<Feed> {
  const unlimited = { requestsPerSecond: 10_000_000, bytesPerSecond: '10GiB' };
  const running = await startDaemon(
    { topics: { bench: { provide: true } }, clients: unlimited },
    { built: true },
  );
  const provider = await running.raw();
  provider.send('chimed.provide', { topics: ['bench'], id: 1 });
  await provider.frame('chimed.provided');
  return {
    socket: running.socket,
    pid: running.program.pid,
    async subscribed() {
      await provider.frame('chimed.wanted');
    },
    send: (payload, count) => written(provider.socket, `{"type":"bench","data":${payload}}\f`.repeat(count)),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

/** A real Redis without persistence and without a limit for slow subscribers, and a publisher that pipelines. */
async function redis(): Promise<Feed> {
  const path = folder.file(`r${Math.random()}`);
  const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'];
  const limits = ['--client-output-buffer-limit', 'pubsub', '0', '0', '0'];
  const server = new Program([...options, ...limits], {}, folder.path, 'redis-server');
  await server.stdout.find((line) => line.includes('ready to accept'));
  const socket = createConnection(path);
  await once(socket, 'connect');
  let answer = '';
  socket.on('error', () => {}).on('data', (bytes: Buffer) => (answer = bytes.toString()));
  return {
    socket: path,
    pid: server.pid,
    async subscribed() {
      while (!answer.endsWith(':1\r\n')) {
        socket.write('PUBSUB NUMSUB bench\r\n');
        await once(socket, 'data');
      }
    },
    async send(payload, count) {
      const command = `*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$${Buffer.byteLength(payload)}\r\n${payload}\r\n`;
      await written(socket, command.repeat(count));
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

function start({ argv, env }: Subscriber, socket: string, ...args: string[]): Program {
  const [executable, ...before] = argv;
  return new Program([...before, socket, ...args], env, root, executable);
}

/** Waits for the program to subscribe. @throws if it ends instead. */
async function subscribedTo(feed: Feed, program: Program): Promise<void> {
  const ended = program.ended.then((how) =>
    Promise.reject(new Error(`it ended with ${how}: ${program.output.stderr}`)),
  );
  await Promise.race([feed.subscribed(), ended]);
}

function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / 1024;
}

/** Thousands of messages a second: by the clock, and by the time of the client's process on a CPU. */
async function throughput(
  subscriber: Subscriber,
  open: () => Promise<Feed>,
): Promise<[wall: number, cpu: number]> {
  await using feed = await open();
  await using program = start(subscriber, feed.socket);
  await subscribedTo(feed, program);
  const [cpuBefore, begun] = [cpuMicroseconds(program.pid), performance.now()];
  for (let sent = 0; sent < MESSAGES; sent += CHUNK_MESSAGES) await feed.send(PAYLOAD, CHUNK_MESSAGES);
  await feed.send('"end"', 1);
  const [line] = await program.stdout.take(1);
  const [ms, cpu] = [performance.now() - begun, cpuMicroseconds(program.pid) - cpuBefore];
  const [received, missed] = line!.split(' ').map(Number) as [number, number];
  if (received + missed !== MESSAGES + 1)
    console.error(`${subscriber.language}, ${subscriber.client}: ${line}`);
  return [received / ms, received / (cpu / 1000)];
}

/** Resident memory in MiB: idle, the most with a slow loop, and by how much the server's grew meanwhile. */
async function slowLoop(subscriber: Subscriber): Promise<[idle: number, most: number, server: number]> {
  await using feed = await (subscriber.system === 'redis' ? redis() : daemon());
  await using program = start(subscriber, feed.socket, String(SLOW.sleepSeconds));
  await subscribedTo(feed, program);
  await wait(500);
  const [idle, before] = [memoryMiB(program.pid, 'VmRSS'), memoryMiB(feed.pid!, 'VmRSS')];
  const payload = JSON.stringify('x'.repeat(SLOW.bytes - 2));
  const begun = performance.now();
  for (let sent = 0; sent < SLOW.seconds * SLOW.perSecond;) {
    const due = ((performance.now() - begun) / 1000) * SLOW.perSecond - sent;
    if (due >= 1) await feed.send(payload, Math.floor(due));
    sent += Math.max(0, Math.floor(due));
    await wait(5);
  }
  return [idle, memoryMiB(program.pid, 'VmHWM'), memoryMiB(feed.pid!, 'VmRSS') - before];
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
}

const able = subscribers.filter(({ language, client, needs, build }) => {
  if (!needs.every(has)) return false;
  try {
    if (build !== undefined) execFileSync('sh', ['-c', build], { stdio: ['ignore', 'ignore', 'pipe'] });
    return true;
  } catch (error) {
    console.error(
      `left out: ${language}, ${client}: ${(error as { stderr?: Buffer }).stderr?.toString().slice(0, 300)}`,
    );
    return false;
  }
});
const entrants = able.flatMap((subscriber) =>
  subscriber.system === 'redis'
    ? [{ subscriber, from: 'redis-server', open: redis }]
    : [
        { subscriber, from: 'a scripted peer', open: scripted },
        { subscriber, from: 'the daemon', open: daemon },
      ],
);
const seen = new Map(entrants.map((entrant) => [entrant, [] as [number, number][]]));
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round} of ${rounds}, load ${loadavg()[0]!.toFixed(1)}`);
  for (const entrant of entrants) seen.get(entrant)!.push(await throughput(entrant.subscriber, entrant.open));
}
console.log(
  `${MESSAGES} messages of ${PAYLOAD.length} bytes, medians of ${rounds} rounds, load ${loadavg()[0]!.toFixed(1)}\n`,
);
console.log(
  '| language | client | messages from | 1,000 messages a second | by CPU time of the client |\n| --- | --- | --- | --- | --- |',
);
for (const [{ subscriber, from }, results] of seen) {
  const [wall, cpu] = [0, 1].map((index) => Math.round(median(results.map((result) => result[index]!))));
  console.log(`| ${subscriber.language} | ${subscriber.client} | ${from} | ${wall} | ${cpu} |`);
}
console.log(
  '\n| language | client | idle, MiB | slow loop, most | growth of the server |\n| --- | --- | --- | --- | --- |',
);
for (const subscriber of able) {
  const figures = (await slowLoop(subscriber)).map((mib) => mib.toFixed(1));
  console.log(`| ${subscriber.language} | ${subscriber.client} | ${figures.join(' | ')} |`);
}
