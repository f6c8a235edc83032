/** Measures the CPU time of rendering metrics. Usage: metrics.ts */
import { openMetrics } from '../../src/gateway/open-metrics.ts';
import { snapshot, topicStatus } from '../helpers/snapshot.ts';

const ROUNDS = 50;

/** Renders topics, each with a payload that has so many numbers. @returns CPU milliseconds of one rendering, and its bytes. */
function measure(topicCount: number, numberCount: number): { ms: number; bytes: number } {
  const names = Array.from({ length: topicCount }, (_, index) => `group-${index % 10}.topic-${index}`);
  const status = snapshot({ topics: names.map((name) => topicStatus(name, { metrics: true })) });
  const data = Array.from({ length: numberCount }, (_, index) => index * 1.37);
  const values = new Map(names.map((name) => [name, { data }]));
  let bytes = 0;
  const render = (): number => (bytes = Buffer.from(openMetrics(status, values)).length);
  for (let round = 0; round < ROUNDS; round++) render(); // Until V8 has compiled it.
  const before = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) render();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000 / ROUNDS, bytes };
}

for (const [topicCount, numberCount] of [
  [100, 3],
  [1000, 3],
  [1000, 10],
  [1, 500_000],
] as const) {
  const { ms, bytes } = measure(topicCount, numberCount);
  process.stdout.write(
    `${topicCount} topics with ${numberCount} numbers each: ${ms.toFixed(1)} ms of CPU, ${Math.round(bytes / 1024)} KiB\n`,
  );
}
