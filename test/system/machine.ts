import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Program, root } from '../helpers/program.ts';

/** How a command ended, and what it printed. */
export interface Result {
  /** NaN if a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Where the checkout is in a machine. */
export const CHECKOUT = '/srv/chimed';
/** Units that have no work in a container. */
const MASKED = ['systemd-udevd', 'systemd-logind', 'systemd-networkd', 'systemd-resolved'];
const BOOT_LOOK_MS = 100;
const BOOT_LOOKS = 600;

/** Why there can be no machine here; undefined if there can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'they need root, to boot a systemd of their own';
  const missing = ['systemd-nspawn', 'unshare', 'nsenter'].filter(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing.length > 0) return `they need ${missing.join(', ')}: apt-get install systemd-container`;
  return undefined;
}

/**
 * A machine with a systemd and a journal of its own, on a copy of this one's files that is thrown away: what
 * it writes lies in memory, and all mounts are in a namespace that ends with it.
 */
export class Machine implements AsyncDisposable {
  readonly #nspawn: ChildProcess;
  readonly #folder: string;
  /** The machine's PID 1, seen from here. */
  #leader = 0;

  static async boot(): Promise<Machine> {
    const machine = new Machine();
    try {
      await machine.#booted();
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'chimed-machine-'));
    this.#nspawn = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-euc', bootScript, 'boot', this.#folder, root],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
  }

  /** Runs a command as root. @throws if it fails, with what it printed and the journal's last lines. */
  async run(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(...argv);
    if (code === 0) return stdout;
    const journal = await this.attempt('journalctl', '--lines=40', '--no-pager');
    throw new Error(`${argv.join(' ')} ended with ${code}: ${stdout}${stderr}\n${journal.stdout}`);
  }

  /** Runs a command as root that may fail. */
  async attempt(...argv: string[]): Promise<Result> {
    try {
      const { stdout, stderr } = await promisify(execFile)('nsenter', this.#inside(argv), {
        maxBuffer: 2 ** 26,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as Result;
      return { code: Number(code ?? NaN), stdout, stderr };
    }
  }

  /** Runs a shell script as root. */
  sh(script: string): Promise<string> {
    return this.run('sh', '-euc', script);
  }

  /** Starts a command whose output is to be followed. */
  start(...argv: string[]): Program {
    return new Program(this.#inside(argv), {}, root, 'nsenter');
  }

  /** Writes a file. */
  async write(path: string, text: string): Promise<void> {
    await this.run('sh', '-euc', 'mkdir -p "$(dirname "$1")"; printf %s "$2" > "$1"', 'write', path, text);
  }

  /** The journal's entries that a query finds, oldest first. */
  async journal(...query: string[]): Promise<Record<string, unknown>[]> {
    await this.run('journalctl', '--sync');
    const text = await this.run('journalctl', '--all', '--output=json', ...query);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** A property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', `--property=${name}`, unit)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#nspawn;
    if (exitCode === null && signalCode === null) {
      this.#nspawn.kill('SIGTERM'); // nspawn powers the machine off.
      const late = setTimeout(() => this.#nspawn.kill('SIGKILL'), 20_000);
      await once(this.#nspawn, 'exit');
      clearTimeout(late);
    }
    rmdirSync(this.#folder);
  }

  #inside(argv: readonly string[]): string[] {
    return ['--target', String(this.#leader), '--all', '--', 'env', '--chdir=/', ...argv];
  }

  /** There is no event to wait for until the machine's own systemd can be asked. */
  async #booted(): Promise<void> {
    for (let look = 0; look < BOOT_LOOKS; look++) {
      const { pid, exitCode } = this.#nspawn;
      if (exitCode !== null)
        throw new Error(`the machine did not boot: ${this.#nspawn.stderr?.read() ?? ''}`);
      this.#leader = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
      if (this.#leader) {
        const { stdout } = await this.attempt('systemctl', 'is-system-running', '--wait');
        if (['running', 'degraded'].includes(stdout.trim())) return;
      }
      await wait(BOOT_LOOK_MS);
    }
    throw new Error('the machine did not finish to boot');
  }
}

/** Runs in a mount namespace of its own; $1 is an empty folder, $2 the checkout. Becomes nspawn. */
const bootScript = `
  mount -t tmpfs -o mode=0755 tmpfs "$1"
  mkdir "$1/upper" "$1/work" "$1/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
  for unit in ${MASKED.join(' ')}; do
    ln -sf /dev/null "$1/root/etc/systemd/system/$unit.service"
  done
  rm -f "$1/root/etc/systemd/system/"chimed.*
  : > "$1/root/etc/machine-id"
  exec systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --console=pipe \\
    --system-call-filter='adjtimex clock_adjtime' \\
    --machine=chimed-test --directory="$1/root" --bind-ro="$2:${CHECKOUT}"
`;
