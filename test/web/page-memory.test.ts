import { writeFileSync } from 'node:fs';
import type { CDPSession, Page } from 'playwright-core';
import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Visit, hasChromium, launchChromium } from './browser.ts';
import { GatewayProcess } from './gateway-process.ts';

const MIB = 1024 ** 2;
/** More than are kept of each topic. */
const WARM_UP = 700;
/** As many as ten minutes have at one a second, twice. */
const FURTHER = 1200;

interface Use {
  heapBytes: number;
  nodes: number;
  listeners: number;
}

/** What the page holds, once what it does not hold any more is collected. */
async function useOf(session: CDPSession): Promise<Use> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { heapBytes: usedSize, nodes, listeners: jsEventListeners };
}

/** Waits until the page shows a message with at least this number. */
const reaches = async (page: Page, wanted: number): Promise<void> => {
  const value = page.locator('tbody .payload').first();
  const number = async (): Promise<number> => Number(/\d+/.exec((await value.textContent()) ?? '')?.[0] ?? 0);
  await expect.poll(number, { timeout: 200_000, interval: 250 }).toBeGreaterThan(wanted);
};

test.skipIf(!hasChromium())('the page does not grow, with a plot open', { timeout: 500_000 }, async () => {
  using folder = temporaryFolder();
  const module = folder.file('count.mjs');
  writeFileSync(
    module,
    'let n = 0; export default () => ({ n: ++n, half: n / 2, text: "x".repeat(n % 50) });',
  );
  const names = ['a', 'b', 'c', 'd'];
  const topics = Object.fromEntries(names.map((name) => [name, { interval: '20ms', module }]));
  await using daemon = await startDaemon({ topics });
  await using gateway = await GatewayProcess.start(daemon);
  await using browser = await launchChromium();
  const { page } = await Visit.start(browser, gateway.url);
  const session = await page.context().newCDPSession(page);
  await page.getByRole('button', { name: 'b', exact: true }).click();
  await page.locator('.detail canvas').waitFor();
  const early = await useOf(session);
  await reaches(page, WARM_UP);
  const before = await useOf(session);
  await reaches(page, WARM_UP + FURTHER);
  const after = await useOf(session);
  const mib = ({ heapBytes }: Use): string => (heapBytes / MIB).toFixed(2);
  const rates = `${names.length} topics at 50 Hz, ${FURTHER} messages each`;
  process.stderr.write(
    `heap of the page: ${mib(early)} MiB at first, ${mib(before)} with full rings, then ${mib(after)} (${rates})\n`,
  );
  expect(before.heapBytes, 'the heap is measured: the rings took some').toBeGreaterThan(early.heapBytes);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(0.5 * MIB);
  expect(after.nodes - before.nodes).toBeLessThan(50);
  expect(after.listeners - before.listeners).toBeLessThan(10);
});
