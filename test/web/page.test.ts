import { writeFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Visit, colourOf, hasChromium, launchChromium, styleOf } from './browser.ts';
import { GatewayProcess, TOKEN } from './gateway-process.ts';

/** What would change the title, if it were markup. */
const MARKUP = `"><img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>`;
const LONG =
  'a.topic-whose-name-is-so-long.that-it-fits.in-no-column.of-any-table-on-any-phone.however-wide-it-may-be';

const rowOf = (page: Page, topic: string): Locator =>
  page.locator('tbody tr', { has: page.getByRole('button', { name: topic, exact: true }) });

describe.skipIf(!hasChromium())('the page', () => {
  const folder = temporaryFolder();
  let daemon: TestDaemon;
  let gateway: GatewayProcess;
  let browser: Browser;

  beforeAll(async () => {
    writeFileSync(folder.file('count.mjs'), 'let n = 0; export default () => ({ n: ++n, half: n / 2 });');
    writeFileSync(folder.file('raid'), 'clean');
    writeFileSync(folder.file('evil.json'), JSON.stringify({ [MARKUP]: 1, text: MARKUP }));
    const topics = {
      count: { interval: '100ms', module: folder.file('count.mjs') },
      evil: { interval: '1s', file: folder.file('evil.json') },
      [LONG]: { interval: '1s', data: { text: 'word'.repeat(200), number: 1e15 } },
      price: { publish: true },
      raid: { interval: '100ms', command: `cat ${folder.file('raid')}` },
      'raid.spare': { interval: '100ms', data: 1 },
    };
    daemon = await startDaemon({ topics });
    gateway = await GatewayProcess.start(daemon);
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('shows values that change, with no error, no violation of the policy and no request to elsewhere', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    const value = rowOf(page, 'count').locator('.payload');
    await value.filter({ hasText: '"n"' }).waitFor();
    const before = await value.textContent();
    await expect.poll(() => value.textContent()).not.toBe(before);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    await rowOf(page, 'count')
      .getByRole('img', { name: /^half: [\d.,]+, from/ })
      .waitFor();
    await expect.poll(() => rowOf(page, 'count').locator('.schedule').textContent()).toBe('every 100ms');
    await rowOf(page, 'count').click();
    await page.locator('.detail canvas').waitFor();
    expect(visit.errors).toEqual([]);
    expect(visit.foreign).toEqual([]);
    const [paint, weight] = await page.evaluate(() => [
      performance.getEntriesByName('first-contentful-paint')[0]!.startTime,
      (performance.getEntriesByType('resource') as unknown as { name: string; decodedBodySize: number }[])
        .filter(({ name }) => name.includes('/page/'))
        .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0),
    ]);
    process.stderr.write(`first paint after ${Math.round(paint!)} ms; files of the page ${weight} bytes\n`);
  });

  test('turns a topic red with the reason when its source fails, and back when it recovers', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    const row = rowOf(page, 'raid');
    await row.locator('.payload', { hasText: 'clean' }).waitFor();
    expect(await page.locator('tr.failing').count()).toBe(0);
    writeFileSync(folder.file('raid'), '\xff', 'latin1');
    await row.locator('.problem', { hasText: 'Failing: ' }).waitFor();
    expect(await page.locator('tr.failing .name').allTextContents()).toEqual(['raid']);
    await page.locator('#topic-summary', { hasText: '1 failing' }).waitFor();
    const [red, green] = await colourOf(row.locator('.problem'), 'color');
    expect(red).toBeGreaterThan(2 * green);
    writeFileSync(folder.file('raid'), 'clean again');
    await row.locator('.payload', { hasText: 'clean again' }).waitFor();
    await row.locator('.problem').waitFor({ state: 'hidden' });
  });

  test('shows markup in a payload as text', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    await rowOf(page, 'evil').locator('.payload', { hasText: '<img src=x' }).waitFor();
    await rowOf(page, 'evil').getByRole('button').click();
    await page.locator('.detail pre', { hasText: '<script>' }).waitFor();
    await page.locator('.detail .legend', { hasText: '<img src=x' }).waitFor();
    await page.locator('.detail canvas').waitFor();
    expect(await page.locator('body img, body script').count()).toBe(0);
    expect(await page.title()).not.toContain('pwned');
    expect(visit.errors).toEqual([]);
  });

  test('opens a plot by keyboard, and closes it with Escape', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    const button = page.getByRole('button', { name: 'count', exact: true });
    await button.waitFor();
    const focused = (): Promise<string> => page.evaluate('document.activeElement.textContent');
    for (let presses = 0; (await focused()) !== 'count'; presses += 1) {
      expect(presses, 'the button can be reached').toBeLessThan(20);
      await page.keyboard.press('Tab');
    }
    expect(await styleOf(button, 'outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    const detail = page.getByRole('region', { name: 'count' });
    await detail.getByRole('img', { name: /^Plot of the last \d+ points. Latest: n \d+/ }).waitFor();
    expect(await button.getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    expect(await focused()).toBe('count');
    expect(await button.getAttribute('aria-expanded')).toBe('false');
  });

  test('filters by pattern and by part of a name', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    const names = (): Promise<string[]> => page.locator('#topics .name').allTextContents();
    await expect.poll(names).toEqual([LONG, 'count', 'evil', 'price', 'raid', 'raid.spare']);
    const filter = page.getByRole('searchbox', { name: 'Filter topics by pattern' });
    await filter.fill('raid.>');
    await expect.poll(names).toEqual(['raid.spare']);
    await filter.fill('raid, pri');
    await expect.poll(names).toEqual(['price', 'raid', 'raid.spare']);
    await filter.fill('nothing');
    await page.getByText('No topic matches “nothing”.').waitFor();
    await filter.fill('');
    await expect.poll(async () => (await names()).length).toBe(6);
  });

  test('publishes to a topic that takes messages, and tells what is no JSON', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    await page.getByRole('button', { name: 'price', exact: true }).click();
    const value = page.getByRole('textbox', { name: 'Publish a JSON value' });
    await value.fill('open');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('This is not JSON. Put text in double quotes').waitFor();
    await value.fill('{"price": 12.5}');
    await value.press('Control+Enter');
    await page.getByText('Published as message 1.').waitFor();
    await rowOf(page, 'price').locator('.payload', { hasText: '{ "price": 12.5 }' }).waitFor();
    await page.getByRole('button', { name: 'count', exact: true }).click();
    await page.getByRole('region', { name: 'count' }).waitFor();
    expect(await value.count(), 'no form for other topics').toBe(0);
  });

  test('lists clients and what they missed, and asks for them only while the list is open', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url);
    await using _ = visit;
    await rowOf(page, 'count').waitFor();
    let asked = 0;
    page.on('request', (request) => (asked += Number(request.url().endsWith('/status'))));
    await using client = daemon.connect({ name: MARKUP.slice(0, 40) });
    await client.status();
    expect(asked).toBe(0);
    await page.locator('summary').click();
    const table = page.getByRole('table', { name: 'Clients' });
    await table.getByRole('rowheader', { name: MARKUP.slice(0, 40) }).waitFor();
    await table.getByRole('columnheader', { name: 'Missed' }).waitFor();
    expect(asked).toBeGreaterThan(0);
  });

  test('follows a reload of the daemon', async () => {
    await using other = await startDaemon({ topics: { one: { interval: '100ms', data: 1 } } });
    await using its = await GatewayProcess.start(other);
    const { visit, page } = await Visit.start(browser, its.url);
    await using _ = visit;
    await rowOf(page, 'one').locator('.payload', { hasText: '1' }).waitFor();
    await other.reload({ topics: { two: { interval: '100ms', data: 2 } } });
    await rowOf(page, 'two').locator('.payload', { hasText: '2' }).waitFor();
    await rowOf(page, 'one').waitFor({ state: 'detached' });
  });

  test.each(['light', 'dark'] as const)('is %s as the system is, or as the switch says', async (scheme) => {
    const { visit, page } = await Visit.start(browser, gateway.url, { colorScheme: scheme });
    await using _ = visit;
    const brightness = async (property: string): Promise<number> => {
      const [red, green, blue] = await colourOf(page.locator('body'), property);
      return (red + green + blue) / 3;
    };
    const contrast = async (): Promise<number> =>
      (await brightness('backgroundColor')) - (await brightness('color'));
    expect((await contrast()) > 100).toBe(scheme === 'light');
    const button = page.getByRole('button', { name: /^Theme: / });
    await button.click();
    await button.click();
    expect(await button.textContent()).toBe('Theme: dark');
    expect(await contrast()).toBeLessThan(-100);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    expect(await contrast()).toBeLessThan(-100);
  });

  test.each([320, 390, 768, 1280])('does not scroll sideways at a width of %i pixels', async (width) => {
    const { visit, page } = await Visit.start(browser, gateway.url, { viewport: { width, height: 800 } });
    await using _ = visit;
    await rowOf(page, LONG).locator('.payload', { hasText: 'word' }).waitFor();
    await rowOf(page, LONG).getByRole('button').click();
    await page.locator('.detail canvas').waitFor();
    await page.locator('summary').click();
    await page.getByRole('table', { name: 'Clients' }).waitFor();
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    const cut = await page
      .locator('#topics tbody tr:not(.detail) > *')
      .evaluateAll((cells) =>
        cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.className),
      );
    expect(cut, 'nothing sticks out of its cell').toEqual([]);
  });

  test('is a table with heads for a screen reader, on a phone too, and announces only the connection', async () => {
    const { visit, page } = await Visit.start(browser, gateway.url, {
      viewport: { width: 390, height: 800 },
    });
    await using _ = visit;
    await rowOf(page, 'count').locator('.payload', { hasText: '"n"' }).waitFor();
    const table = page.getByRole('table', { name: 'Topics' });
    for (const name of ['Topic', 'Schedule', 'Last value', 'Trend', 'Age'])
      expect(await table.getByRole('columnheader', { name, exact: true }).count(), name).toBe(1);
    expect(await table.getByRole('rowheader').count()).toBe(6);
    const row = table.getByRole('row', { name: /^count / });
    expect(await row.getByRole('cell').count()).toBe(4);
    const live = page.locator('[aria-live]:not([aria-live=off]), [role=status], [role=alert]');
    expect(await live.evaluateAll((elements) => elements.map(({ id }) => id))).toEqual(['connection']);
    const unnamed = await page
      .locator('button, input, textarea')
      .evaluateAll(
        (elements) =>
          (elements as unknown as { labels?: unknown[]; textContent: string }[]).filter(
            ({ labels, textContent }) => !labels?.length && textContent === '',
          ).length,
      );
    expect(unnamed).toBe(0);
  });

  test('asks for the token, says when it is wrong, and lets in with the right one', async () => {
    const { visit, page } = await Visit.start(browser, gateway.loopback);
    await using _ = visit;
    const token = page.getByLabel('Token');
    expect(await token.getAttribute('autocomplete')).toBe('current-password');
    await page.getByRole('alert').waitFor({ state: 'hidden' });
    await token.fill('guess');
    await token.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Wrong token' }).waitFor();
    await token.fill(TOKEN);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Topics' }).waitFor();
    expect(page.url()).toBe(`${gateway.loopback}/`);
  });
});
