import type { Program } from '../helpers/program.ts';
import { CHECKOUT, Machine } from './machine.ts';
import type { Result } from './machine.ts';

export const CONFIG = '/etc/chimed/chimed.yaml';
/** Packages of the checkout that are large, and for its development alone. */
const NOT_COPIED = ['node', 'typescript', '@typescript', '@rolldown', '@oxlint', 'prettier', 'lightningcss-*']
  .map((name) => `--exclude='./node_modules/${name}'`)
  .join(' ');
const NODE = `${CHECKOUT}/node_modules/.bin/node`;

/** `chimed …` from the checkout, as it is run before anything is installed. */
export const fromCheckout = [NODE, `${CHECKOUT}/dist/cli/main.js`];

/** What fleet.ts reports. */
export interface FleetReport {
  messages: number;
  missed: number;
  gaps: number;
  begunAgain: number;
  refusals: string[];
  slowestReturnMs: number;
}

/** A machine on which chimed is installed, with this configuration, and alice (in the group) and mallory (not). */
export async function installedMachine(config?: object): Promise<Machine> {
  const machine = await Machine.boot();
  await machine.sh('useradd --create-home alice; useradd --create-home mallory');
  if (config) await machine.write(CONFIG, JSON.stringify(config));
  await machine.run(...fromCheckout, 'service', 'install');
  await machine.run('usermod', '-aG', 'chimed', 'alice');
  return machine;
}

/** Runs the installed `chimed …` as a user. */
export function chimedAs(machine: Machine, user: string, ...args: string[]): Promise<Result> {
  return machine.attempt('runuser', '-u', user, '--', 'chimed', ...args);
}

/** What `systemd-analyze verify` says of units. */
export async function verified(
  machine: Machine,
  ...units: string[]
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await machine.attempt('systemd-analyze', 'verify', ...units);
  return { code, said: stdout + stderr };
}

/** Starts clients, and waits until all are registered. */
export async function startFleet(machine: Machine, count: number, pattern: string): Promise<Program> {
  const fleet = machine.start(NODE, `${CHECKOUT}/test/system/fleet.ts`, String(count), pattern);
  await fleet.stdout.find((line) => line === 'all are ready');
  return fleet;
}

/** Waits until all clients of a fleet are registered again, for the `times`th time. */
export async function allReadyAgain(fleet: Program, times = 1): Promise<void> {
  await fleet.stdout.take(times + 1, (line) => line === 'all are ready');
}

export async function endFleet(fleet: Program): Promise<FleetReport> {
  fleet.child.stdin!.end();
  return JSON.parse(await fleet.stdout.find((line) => line.startsWith('{'))) as FleetReport;
}

/** Copies the checkout into the machine, without what only its development needs, for a user to own. */
export async function copyCheckout(machine: Machine, user: string, path: string): Promise<string[]> {
  await machine.sh(`
    mkdir -p ${path}
    tar -C ${CHECKOUT} -c --exclude=./.git --exclude=.cache --exclude=./src --exclude=./test ${NOT_COPIED} . | tar -C ${path} -x
    chown -R ${user}: ${path}`);
  return [NODE, `${path}/dist/cli/main.js`];
}
