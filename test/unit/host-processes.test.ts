import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { parseStat } from '../../src/sources/host/process-stat.ts';
import { processesSource } from '../../src/sources/host/processes.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { readerOf, rootsIn, rootsOf } from '../helpers/host-reading.ts';

interface Usage {
  pid: number;
  name: string;
  cpu: number | null;
  memory: number;
}
interface Processes {
  total: number;
  states: Record<string, number>;
  threads: number;
  topCpu: Usage[] | null;
  topMemory: Usage[];
}

/** A copy of a fixture that a test can change. */
function copyOf(machine: 'vm' | 'container', folder: Folder): ReturnType<typeof readerOf> {
  cpSync(rootsOf(machine).proc, folder.file('proc'), { recursive: true });
  return readerOf('processes', rootsIn(folder.path));
}

/** Sets fields of /proc/PID/stat, by their numbers in proc(5). */
function setFields(folder: Folder, pid: number, values: Record<number, number>): void {
  const file = folder.file(`proc/${pid}/stat`);
  const text = readFileSync(file, 'utf8');
  const nameEnd = text.lastIndexOf(')') + 2;
  const fields = text.slice(nameEnd).trim().split(' ');
  for (const [number, value] of Object.entries(values)) fields[Number(number) - 3] = String(value);
  writeFileSync(file, `${text.slice(0, nameEnd)}${fields.join(' ')}\n`);
}

function setProcMount(folder: Folder, options: string): void {
  const line = `22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc ${options}\n`;
  writeFileSync(folder.file('proc/self/mountinfo'), line);
}

function setStatus(folder: Folder, name: string, value: string): void {
  const file = folder.file('proc/self/status');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(new RegExp(`^${name}:.*$`, 'm'), `${name}:\t${value}`));
}

test('processes are counted by state, whatever their names', async () => {
  const { topMemory, ...rest } = (await readerOf('processes', rootsOf('vm')).sample()) as Processes;
  expect(rest).toEqual({
    total: 12,
    states: { running: 1, sleeping: 5, waiting: 1, stopped: 2, zombie: 1, idle: 1, other: 1 },
    threads: 42,
    topCpu: null,
  });
  expect(topMemory.map(({ pid, name, memory }) => [pid, name, memory / 4096])).toEqual([
    [704, 'Web Content', 90_112],
    [700, 'a) R 1 (b', 25_600],
    [640, 'postgres', 7680],
    [1, 'systemd', 3311],
    [701, 'vi', 1200],
  ]);
});

test('memory is in bytes, also where a page has 16 KiB', async () => {
  const { topMemory } = (await readerOf('processes', rootsOf('arm64')).sample()) as Processes;
  expect(topMemory).toEqual([
    { pid: 811, name: 'python3', cpu: null, memory: 2048 * 16_384 },
    { pid: 1, name: 'systemd', cpu: null, memory: 848 * 16_384 },
  ]);
});

test('cpu is the share of one core since the last sample', async () => {
  using folder = temporaryFolder();
  const reader = copyOf('vm', folder);
  const before = performance.now();
  expect(await reader.sample()).toMatchObject({ topCpu: null });
  const between = performance.now();
  setFields(folder, 640, { 14: 2600, 15: 1400 }); // 10 s more
  setFields(folder, 700, { 14: 7500 }); // 5 s more
  cpSync(folder.file('proc/700'), folder.file('proc/9000'), { recursive: true });
  setFields(folder, 9000, { 14: 100, 15: 100, 22: 990_000 }); // A new process, with 2 s
  setFields(folder, 704, { 14: 300, 15: 0, 22: 990_000 }); // Another process with an old pid, with 3 s
  const second = performance.now();
  const { topCpu } = (await reader.sample()) as Processes;
  const after = performance.now();
  expect(topCpu!.map(({ pid }) => pid)).toEqual([640, 700, 704, 9000]);
  const seconds = [10, 5, 3, 2];
  for (const [index, { cpu }] of topCpu!.entries()) {
    expect(cpu! * (after - before)).toBeGreaterThanOrEqual(seconds[index]! * 1000);
    expect(cpu! * (second - between)).toBeLessThanOrEqual(seconds[index]! * 1000);
  }
});

/** Files of processes that this one has open. */
function openStatFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return /^\/proc\/\d+\/stat$/.test(path) ? [path] : [];
    } catch {
      return []; // The one that lists them.
    }
  });
}

/** Starts to compute when it gets a line, says so after half a second of CPU, and goes on. */
const computing = `
  process.stdin.once('data', () => {
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 500_000);
    require('node:fs').writeSync(1, 'computed');
    for (;;);
  });
  console.log('ready');`;

test('cpu of a process that computes is no more than a core, and begins anew when the topic wakes', async () => {
  const child = spawn(process.execPath, ['-e', computing], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const reader = readerOf('processes');
    const awake = new AbortController();
    const sample = async (signal: AbortSignal) => (await reader.sample(signal)) as Processes;
    expect((await sample(awake.signal)).topCpu).toBeNull();
    child.stdin.write('go\n');
    await once(child.stdout, 'data');
    const { topCpu } = await sample(awake.signal);
    const used = topCpu!.find(({ pid }) => pid === child.pid);
    expect(used?.name).toMatch(/^(node|MainThread)$/);
    expect(used?.cpu).toBeGreaterThan(0.01);
    expect(used?.cpu).toBeLessThan(1.3);
    expect(openStatFiles().length).toBeGreaterThan(0);
    awake.abort();
    expect(openStatFiles()).toEqual([]);
    expect((await sample(new AbortController().signal)).topCpu).toBeNull();
  } finally {
    child.kill('SIGKILL');
  }
});

test('counts at least the processes that ps(1) lists, and finds their memory', async () => {
  const list = (): Map<number, number> => {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,rss='], { encoding: 'utf8' }).trim().split('\n');
    return new Map(lines.map((line) => line.trim().split(/ +/).map(Number) as [number, number]));
  };
  const before = list();
  const { total, states, topMemory } = (await readerOf('processes').sample()) as Processes;
  const after = list();
  expect(total).toBeGreaterThanOrEqual([...before.keys()].filter((pid) => after.has(pid)).length);
  expect(Object.values(states).reduce((sum, count) => sum + count)).toBe(total);
  const own = topMemory.find(({ pid }) => pid === process.pid);
  if (own) expect(Math.abs(own.memory / (after.get(process.pid)! * 1024) - 1)).toBeLessThan(0.3);
});

test('a process that ends between two samples is counted no more', async () => {
  using folder = temporaryFolder();
  const reader = copyOf('vm', folder);
  await reader.sample();
  rmSync(folder.file('proc/704'), { recursive: true });
  expect(await reader.sample()).toMatchObject({ total: 11 });
  mkdirSync(folder.file('proc/12345')); // It has ended between the list and the read.
  expect(await reader.sample()).toMatchObject({ total: 11 });
});

test.each([
  'hidepid=invisible',
  'rw,hidepid=2',
  'rw,gid=30,hidepid=invisible',
  'rw,gid=990,hidepid=ptraceable',
])('where the kernel hides processes (%s) the sample fails and names the drop-in', async (options) => {
  using folder = temporaryFolder();
  const reader = copyOf('vm', folder);
  setProcMount(folder, options);
  await expect(reader.sample()).rejects.toThrow(
    /^the kernel hides the processes of other users \(hidepid=\w+\), so a count would be false; for the systemd service, set ProtectProc=default in a drop-in \(systemd\/sources\.conf\.example\)$/,
  );
});

test('processes that are hidden from others but not from chimed are counted', async () => {
  using folder = temporaryFolder();
  const reader = copyOf('vm', folder);
  setProcMount(folder, 'rw,gid=990,hidepid=invisible');
  expect(await reader.sample(), 'its group').toMatchObject({ total: 12 });
  setProcMount(folder, 'rw,hidepid=ptraceable');
  setStatus(folder, 'CapEff', '0000000000080000');
  const { sample } = readerOf('processes', rootsIn(folder.path));
  expect(await sample(), 'CAP_SYS_PTRACE').toMatchObject({ total: 12 });
});

test('processes that become hidden while the topic is awake are noticed', async () => {
  using folder = temporaryFolder();
  const reader = copyOf('vm', folder);
  await reader.sample();
  setProcMount(folder, 'rw,hidepid=2');
  rmSync(folder.file('proc/1'), { recursive: true });
  await expect(reader.sample()).rejects.toThrow('hidepid=2');
});

test('more processes than the limit are refused', async () => {
  const { signal } = new AbortController();
  const { sample } = processesSource(rootsOf('vm'), 11);
  await expect(sample(signal)).rejects.toThrow('too many processes to read: 12, limit 11');
});

test('a file that is cut short is a failure', () => {
  const bytes = Buffer.from('1 (init) S 0 1 1');
  expect(() => parseStat(bytes, bytes.length)).toThrow('a file /proc/PID/stat has too few fields');
});
