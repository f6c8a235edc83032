/**
 * What streams cost: a program that prints 1,000 lines a second for 100 clients, and ten programs that print without end
 * for ten clients each, beside a topic that ticks every 20 ms. It judges nothing.
 * `node test/bench/stream.ts [SECONDS]`
 */
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

import type { Status } from '../../src/protocol/status-snapshot.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { cpuMicroseconds } from '../helpers/proc.ts';
import { Program } from '../helpers/program.ts';

const LINES_PER_SECOND = 1000;
const CLIENTS = 100;
const FLOODS = 10;
const WARM_UP_MS = 3000;
const seconds = Number(process.argv[2] ?? 30);

/** Prints the monotonic time in milliseconds, at a steady pace whatever a timer's lateness. */
const clock = `
  const { writeSync } = require('node:fs');
  const begun = performance.now();
  let lines = 0;
  setInterval(() => {
    let text = '';
    for (const due = (performance.now() - begun) * ${LINES_PER_SECOND / 1000}; lines < due; lines++)
      text += Number(process.hrtime.bigint()) / 1e6 + '\\n';
    if (text) writeSync(1, text);
  }, 1);`;

interface Heard {
  heard: number;
  p50: number;
  p99: number;
  max: number;
}

/** Has clients listen for some time. @returns what the first of them heard, and the daemon's CPU and status meanwhile. */
async function measure(
  daemon: TestDaemon,
  clients: number,
  topics: readonly string[],
): Promise<{ heard: Heard; cpu: number; before: Status; after: Status; load: number }> {
  const program = join(import.meta.dirname, 'programs/stream-listeners.ts');
  await using listeners = new Program([program, daemon.socket, String(clients), ...topics]);
  await listeners.stdout.find((line) => line === 'ready');
  await wait(WARM_UP_MS);
  const { pid } = daemon.program;
  const before = await daemon.status();
  const [cpuBefore, begun] = [cpuMicroseconds(pid), performance.now()];
  await wait(seconds * 1000);
  const cpu = (cpuMicroseconds(pid) - cpuBefore) / (performance.now() - begun) / 10;
  const after = await daemon.status();
  listeners.kill('SIGTERM');
  const heard = JSON.parse(await listeners.stdout.find((line) => line.startsWith('{'))) as Heard;
  return { heard, cpu, before, after, load: loadavg()[0]! };
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;

async function steady(): Promise<void> {
  const stream = [process.execPath, '--eval', clock];
  await using daemon = await startDaemon({ topics: { lines: { stream } } });
  const { heard, cpu, before, after, load } = await measure(daemon, CLIENTS, ['lines']);
  const count = (key: 'messages' | 'sent' | 'skipped'): number =>
    Math.round((after.totals![key] - before.totals![key]) / seconds);
  console.log(
    `${LINES_PER_SECOND} lines a second to ${CLIENTS} clients, ${seconds} s, load ${load.toFixed(1)}:`,
  );
  console.log(`  daemon: ${cpu.toFixed(1)} % of a CPU, ${Math.round(after.memoryBytes / 2 ** 20)} MiB`);
  console.log(
    `  a second: ${count('messages')} messages, ${count('sent')} sent, ${count('skipped')} skipped`,
  );
  console.log(`  late at a client: p50 ${ms(heard.p50)}, p99 ${ms(heard.p99)}, max ${ms(heard.max)}`);
}

async function flooded(floods: number): Promise<void> {
  const names = Array.from({ length: floods }, (_, index) => `flood${index}`);
  const flood = Object.fromEntries(names.map((name) => [name, { stream: ['yes'] }]));
  await using daemon = await startDaemon({ topics: { tick: { interval: '20ms', data: 1 }, ...flood } });
  const { cpu, before, after, load } = await measure(daemon, CLIENTS, ['tick', ...names]);
  const tick = after.topics.find(({ topic }) => topic === 'tick')!;
  console.log(
    `a 20 ms topic beside ${floods} × yes, ${CLIENTS} clients, ${seconds} s, load ${load.toFixed(1)}:`,
  );
  console.log(`  daemon: ${cpu.toFixed(1)} % of a CPU, ${Math.round(after.memoryBytes / 2 ** 20)} MiB`);
  const messages = Math.round((after.totals!.messages - before.totals!.messages) / seconds);
  console.log(`  ${messages} messages a second, ${after.totals!.skipped - before.totals!.skipped} skipped`);
  console.log(
    `  late: p50 ${tick.lateP50Ms} ms, p99 ${tick.lateP99Ms} ms, ${tick.skippedTicks} ticks skipped`,
  );
}

await steady();
await flooded(0);
await flooded(1);
await flooded(FLOODS);
