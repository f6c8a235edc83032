import { readFileSync } from 'node:fs';

/** Watches how much of this machine's CPU time its host gives to others: then nobody here can be on time. */
export class Host {
  readonly #before = times();

  /** Percent of the time since, as proc_stat(5) has it; 0 on a machine of one's own. */
  get stolenPercent(): number {
    const now = times();
    return (100 * (now.stolen - this.#before.stolen)) / Math.max(now.all - this.#before.all, 1);
  }
}

function times(): { all: number; stolen: number } {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in these already.
  const ticks = fields.slice(0, 8).map(Number);
  return { all: ticks.reduce((one, other) => one + other, 0), stolen: ticks[7] ?? 0 };
}
