import { rmSync } from 'node:fs';

import { contextSwitches, cpuMicroseconds, residentKiB } from '../helpers/proc.ts';
import { onServerCore } from './conditions.ts';
import type { Drive } from './drive.ts';
import { newPlace } from './place.ts';
import type { Place } from './place.ts';
import { Processes } from './processes.ts';
import { publisherCommand } from './publisher.ts';
import type { System } from './systems/system.ts';

/** A system's server that runs, with the publisher that it may need. */
export class Server implements AsyncDisposable {
  readonly system: System;
  readonly place: Place;
  readonly drive: Drive;
  readonly #processes = new Processes();
  /** What the start took until somebody could connect: by the clock, and of the CPU. */
  readyAfter = { milliseconds: Number.NaN, cpuMilliseconds: Number.NaN };

  static async start(system: System, drive: Drive): Promise<Server> {
    const server = new Server(system, await newPlace(), drive);
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
    const address = system.address(place);
    const command = [...onServerCore(), ...system.command(place, drive)];
    await this.#processes.startServer(system.name, command, address);
    const milliseconds = performance.now() - begin;
    this.readyAfter = { milliseconds, cpuMilliseconds: this.cpuMicroseconds / 1000 };
    if (drive.kind !== 'ticks' || system.ticks) return;
    const publisher = publisherCommand(system.publisher!, address, place, drive);
    this.#processes.start([...onServerCore(), ...publisher]);
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
    return this.#processes.pids.map(read).reduce((one, other) => one + other, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes[Symbol.asyncDispose]();
    rmSync(this.place.folder, { recursive: true, force: true });
  }
}
