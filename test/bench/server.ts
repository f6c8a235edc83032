import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import type { Drive } from './drive.ts';
import { contextSwitches, cpuMicroseconds, residentKiB } from '../helpers/proc.ts';
import { publisherCommand } from './publisher.ts';
import type { Place, System } from './systems/system.ts';

const START_TIMEOUT_MS = 10_000;
/** As programs in JavaScript, ours need not be stripped of their types at each start. */
const COMPILE_CACHE = mkdtempSync(join(tmpdir(), 'chimed-bench-cache-'));
process.on('exit', () => rmSync(COMPILE_CACHE, { recursive: true, force: true }));

/** A system's server that runs, with the publisher that it may need. */
export class Server implements AsyncDisposable {
  readonly system: System;
  readonly place: Place;
  readonly drive: Drive;
  readonly #processes: ChildProcess[] = [];
  #stderr = '';
  /** What the start took until somebody could connect: by the clock, and of the CPU. */
  readyAfter = { milliseconds: Number.NaN, cpuMilliseconds: Number.NaN };

  static async start(system: System, drive: Drive): Promise<Server> {
    const folder = mkdtempSync(join(tmpdir(), 'chimed-bench-'));
    const place = { folder, socket: join(folder, 's'), port: await freePort() };
    const server = new Server(system, place, drive);
    try {
      await server.#start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(system: System, place: Place, drive: Drive) {
    this.system = system;
    this.place = place;
    this.drive = drive;
  }

  async #start(): Promise<void> {
    const { system, place, drive } = this;
    const begin = performance.now();
    const server = this.#spawn(system.command(place, drive));
    const address = system.address(place);
    if (!(await opens(address, server))) throw new Error(`${system.name} does not start: ${this.#stderr}`);
    const milliseconds = performance.now() - begin;
    this.readyAfter = { milliseconds, cpuMilliseconds: this.cpuMicroseconds / 1000 };
    if (drive.kind !== 'ticks' || system.ticks) return;
    this.#spawn(publisherCommand(system.publisher!, address, place, drive));
  }

  #spawn([file, ...args]: readonly string[]): ChildProcess {
    const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
    const child = spawn(file!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (text) => (this.#stderr += text));
    this.#processes.push(child);
    return child;
  }

  /** Of the server and its publisher, so far. */
  get cpuMicroseconds(): number {
    return this.#sum(cpuMicroseconds);
  }

  get contextSwitches(): number {
    return this.#sum(contextSwitches);
  }

  get residentKiB(): number {
    return this.#sum(residentKiB);
  }

  #sum(read: (pid: number) => number): number {
    return this.#processes.map(({ pid }) => read(pid!)).reduce((one, other) => one + other, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
    rmSync(this.place.folder, { recursive: true, force: true });
  }
}

/** Knocks until somebody opens. */
async function opens(address: NetConnectOpts, server: ChildProcess): Promise<boolean> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (server.exitCode === null && performance.now() < end) {
    const socket = connect(address);
    const opened = await once(socket, 'connect').catch(() => undefined);
    socket.destroy();
    if (opened) return true;
    await wait(1);
  }
  return false;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
