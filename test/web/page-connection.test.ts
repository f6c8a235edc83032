import { writeFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Visit, hasChromium, launchChromium } from './browser.ts';
import { GatewayProcess } from './gateway-process.ts';

const TABS = 20;
const value = (page: Page): Locator => page.locator('tbody .payload');
const connection = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByRole('status').filter({ hasText: text }).waitFor();

/** Waits until the value shown has changed twice, so that the second change was made after the call. */
async function ticks(page: Page): Promise<void> {
  for (const _ of [1, 2]) {
    const before = await value(page).textContent();
    await expect.poll(() => value(page).textContent(), { timeout: 20_000 }).not.toBe(before);
  }
}

/** What the tabs tell each other, as a further listener in one of them hears it. */
interface Heard {
  heard: { kind: string; event?: { name: string; text: string } }[];
}

const listenToTabs = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const heard: Heard['heard'] = [];
    const channel = new BroadcastChannel('chimed');
    channel.addEventListener('message', (note) =>
      heard.push((note as unknown as { data: Heard['heard'][number] }).data),
    );
    Object.assign(globalThis, { heard, channel });
  });

/** The numbers of all messages that the tabs were told of, in order. */
async function seqsHeard(page: Page): Promise<number[]> {
  const heard = await page.evaluate(() => (globalThis as unknown as Heard).heard);
  return heard.flatMap(({ event }) =>
    event?.name === 'message' ? [(JSON.parse(event.text) as { seq: number }).seq] : [],
  );
}

describe.skipIf(!hasChromium())('the page', () => {
  const folder = temporaryFolder();
  const module = folder.file('count.mjs');
  writeFileSync(module, 'let n = 0; export default () => ++n;');
  const config = { topics: { count: { interval: '50ms', module } } };
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    folder[Symbol.dispose]();
  });

  test('heals when the daemon is restarted, and says meanwhile that it is away', async () => {
    using place = temporaryFolder();
    await using daemon = await startDaemon(config, { folder: place });
    await using gateway = await GatewayProcess.start(daemon);
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    await connection(page, 'Live');
    await ticks(page);
    daemon.program.kill('SIGKILL');
    await connection(page, /^Waiting for the daemon: /);
    await using again = await startDaemon(config, { folder: place });
    await connection(page, 'Live');
    await ticks(page);
    await page.locator('.missed', { hasText: 'some missed' }).waitFor();
    expect(again.program.pid).not.toBe(daemon.program.pid);
  });

  test('reconnects by itself when the gateway is restarted, and gets what it missed', async () => {
    await using daemon = await startDaemon({
      topics: { count: { interval: '50ms', module, history: 1000 } },
    });
    await using gateway = await GatewayProcess.start(daemon);
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    await connection(page, 'Live');
    await listenToTabs(await visit.open());
    await ticks(page);
    await using other = daemon.connect();
    const keepsAwake = other.listen('count');
    await keepsAwake.next();
    await gateway.kill();
    await connection(page, 'No connection to the gateway');
    for (let count = 0; count < 20; count += 1) await keepsAwake.next();
    await gateway.open();
    await connection(page, 'Live');
    await ticks(page);
    const seqs = await seqsHeard(visit.context.pages()[1]!);
    expect(seqs.length).toBeGreaterThan(20);
    expect(holesIn(seqs)).toEqual([]);
    expect(await page.locator('.missed').textContent()).toBe('');
  });

  test(
    `has one stream for ${TABS} tabs, and another tab takes over without a loss when the leader closes`,
    { timeout: 240_000 },
    async () => {
      await using daemon = await startDaemon({
        topics: { count: { interval: '200ms', module, history: 1000 } },
      });
      await using gateway = await GatewayProcess.start(daemon);
      const { visit, page: leader } = await Visit.start(browser, gateway.url);
      await using _ = visit;
      await ticks(leader);
      const others: Page[] = [];
      while (others.length < TABS - 1) others.push(await visit.open());
      for (const page of others) await connection(page, 'Live');
      for (const page of others) await ticks(page);
      expect(await gateway.streams()).toBe(1);
      // One that comes late knows what came before.
      const joined = others.at(-1)!;
      await joined.getByRole('button', { name: 'count' }).click();
      const plot = joined.getByRole('img', { name: /^Plot of the last \d+ points/ });
      const points = Number(/\d+/.exec((await plot.getAttribute('aria-label'))!)![0]);
      expect(points).toBeGreaterThan(10);

      await listenToTabs(joined);
      await ticks(joined);
      await leader.close();
      await joined.waitForFunction(() =>
        (globalThis as unknown as Heard).heard.some(({ kind }) => kind === 'leader'),
      );
      for (const page of others) await ticks(page);
      expect(await gateway.streams()).toBe(1);
      expect(holesIn(await seqsHeard(joined))).toEqual([]);
      expect(await joined.locator('td .missed').textContent()).toBe('');
      expect(visit.errors).toEqual([]);
    },
  );

  test('lets topics sleep once no tab has been shown for a minute, and resumes when one is', async () => {
    await using daemon = await startDaemon(config);
    await using gateway = await GatewayProcess.start(daemon);
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    const other = await visit.open();
    for (const each of [page, other]) await ticks(each);
    const isAwake = async (): Promise<boolean> => (await daemon.status()).topics[0]!.awake;

    await page.clock.install();
    await show(page, false);
    await page.clock.fastForward(70_000);
    await ticks(other);
    expect(await isAwake(), 'the other tab is shown').toBe(true);

    await show(other, false);
    await page.clock.fastForward(59_000);
    expect(await isAwake(), 'a minute has not passed').toBe(true);
    await page.clock.fastForward(5000);
    await connection(other, 'Paused');
    await expect.poll(isAwake).toBe(false);

    await show(other, true);
    await connection(other, 'Live');
    await ticks(other);
    expect(await isAwake()).toBe(true);
  });
});

/** Shows or hides a tab. Without windows, Chromium takes all tabs for shown. */
function show(page: Page, isShown: boolean): Promise<void> {
  return page.evaluate(
    (state) => {
      const { document } = globalThis as unknown as { document: EventTarget };
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    isShown ? 'visible' : 'hidden',
  );
}

/** Pairs of numbers that came after each other, and of which the second is not the next one or one that is known. */
function holesIn(seqs: readonly number[]): [number, number][] {
  let last = seqs[0]!;
  return seqs.flatMap((seq): [number, number][] => {
    const before = last;
    last = Math.max(last, seq);
    return seq > before + 1 ? [[before, seq]] : [];
  });
}
