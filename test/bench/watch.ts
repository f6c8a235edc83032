import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

import { newPlace } from './place.ts';
import { proportionalKiB, usage } from './process-tree.ts';
import { Processes } from './processes.ts';
import type { Watchers } from './watchers/watchers.ts';
import { programPath } from './watchers/watchers.ts';
import { warmUp } from './works/warm-up.ts';

const SEEN_TIMEOUT_MS = 20_000;

/** One program has seen a value. */
export interface Sighting {
  program: number;
  value: number;
  /** When its line arrived at the bench, in milliseconds since 1970. */
  at: number;
}

/** What happened while programs watched a value. */
export interface Watched {
  sightings: readonly Sighting[];
  /** How often the command ran. */
  executions: number;
  /** Of the daemon, the programs, and the commands that they ran. */
  cpuMicroseconds: number;
  /**
   * Of the daemon and the programs, and one for each execution: the kernel does not keep those of processes that have
   * ended. That favours programs that run commands, such as `sleep`.
   */
  wakeUps: number;
  daemonKiB: number;
  programsKiB: number;
}

/**
 * Starts programs that watch a value and measures them once each has seen it.
 * @param script The command's file in `programs/`.
 */
export async function watch(
  watchers: Watchers,
  count: number,
  script: string,
  seconds: number,
): Promise<Watched> {
  const place = await newPlace();
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 }));
  const daemon = cleanUp.use(new Processes());
  const programs = cleanUp.use(new Processes());
  const executions = join(place.folder, 'executions');
  writeFileSync(executions, '');
  const command = ['sh', programPath(script), executions];

  if (watchers.daemon) {
    await daemon.startServer(watchers.name, watchers.daemon(place, command), { path: place.socket });
  }
  const sightings: Sighting[] = [];
  for (let program = 0; program < count; program++) {
    // Programs that know nothing of each other tick at unrelated moments: one starts when the last one runs, and a random
    // part of a second later.
    await wait(Math.random() * 1000);
    const { stdout } = programs.start(watchers.program(place, command), 'pipe');
    const seen = Promise.withResolvers<void>();
    createInterface({ input: stdout! }).on('line', (line) => {
      const at = performance.timeOrigin + performance.now();
      const value = /\d{10,}/.exec(line)?.[0];
      if (!value) return;
      sightings.push({ program, value: Number(value), at });
      seen.resolve();
    });
    const late = wait(SEEN_TIMEOUT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`"${watchers.name}" print no value: ${programs.stderr}${daemon.stderr}`);
    });
    await Promise.race([seen.promise, late]);
  }
  await warmUp();

  const pids = [...daemon.pids, ...programs.pids];
  const before = { ...usage(pids), executions: statSync(executions).size };
  sightings.length = 0;
  await wait(seconds * 1000);
  const after = { ...usage(pids), executions: statSync(executions).size };
  return {
    sightings: [...sightings],
    executions: after.executions - before.executions,
    cpuMicroseconds: after.cpuMicroseconds - before.cpuMicroseconds,
    wakeUps: after.wakeUps - before.wakeUps + after.executions - before.executions,
    daemonKiB: proportionalKiB(daemon.pids),
    programsKiB: proportionalKiB(programs.pids),
  };
}
