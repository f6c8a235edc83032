/** Takes the pictures of the page that are in the documents, of a real daemon in a real browser. Usage: screenshots.ts */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';

import { connect } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';
import { Visit, launchChromium } from './browser.ts';
import { GatewayProcess } from './gateway-process.ts';

const FOLDER = join(root, 'docs/images');
/** How long the daemon ticks before the pictures are taken. */
const SHOWN_AFTER_MS = 75_000;

using folder = temporaryFolder();
writeFileSync(
  folder.file('queue.mjs'),
  `let waiting = 40;
   let samples = 0;
   export default () => {
     samples += 1;
     if (samples > 34 && samples < 42) throw new Error('the queue does not answer'); // A gap to be seen.
     waiting = Math.max(0, Math.round(waiting + (Math.random() - 0.5) * 14));
     return { waiting, running: Math.min(8, waiting), oldestSeconds: Math.round(waiting * 1.7) };
   };`,
);
const topics = {
  'backup.age': { interval: '1m', command: 'echo 7260', format: 'number' },
  'disk.root': { interval: '5s', command: "df --output=pcent / | tail -n 1 | tr -d ' %'" },
  'host.load': { interval: '1s', host: 'load' },
  'host.memory': { interval: '1s', host: 'memory' },
  'jobs.queue': { interval: '1s', module: folder.file('queue.mjs') },
  'market.open': { cron: '0 9 * * 1-5', timezone: 'Europe/Berlin', data: true },
  price: { publish: true, history: 100 },
  'raid.state': { interval: '2s', command: 'echo md0 is degraded: 1 of 2 disks >&2; exit 1' },
};

await using daemon = await startDaemon({ topics });
await using gateway = await GatewayProcess.start(daemon);
await using client = connect({ socket: daemon.socket, name: 'trader' });
const browser = await launchChromium();
const { visit, page } = await Visit.start(browser, gateway.url, {
  colorScheme: 'light',
  viewport: { width: 1180, height: 800 },
});
let price = 172.4;
for (let index = 0; index * 500 < SHOWN_AFTER_MS; index += 1) {
  price += Math.round((Math.random() - 0.48) * 40) / 100;
  await client.publish('price', Number(price.toFixed(2)));
  await wait(500);
}

/** The part of the page that has something on it. */
async function take(name: string, of: Page = page): Promise<void> {
  await of.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
}
await take('page-light');
await page.emulateMedia({ colorScheme: 'dark' });
await take('page-dark');
await page.getByRole('button', { name: 'jobs.queue' }).click();
await wait(1500);
await page.emulateMedia({ colorScheme: 'light' });
await take('page-plot');
await page.keyboard.press('Escape');
await page.getByRole('button', { name: 'raid.state' }).click();
await page.getByRole('button', { name: 'raid.state' }).scrollIntoViewIfNeeded();
await take('page-failing');
await page.keyboard.press('Escape');
await page.getByRole('button', { name: 'price' }).click();
await page.locator('details.clients summary').click();
await wait(1500);
await page.setViewportSize({ width: 1180, height: 1240 });
await page.evaluate('scrollTo(0, 0)');
await take('page-publish');
const phone = await Visit.start(browser, gateway.url, {
  colorScheme: 'light',
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
});
await wait(6000);
await take('page-phone', phone.page);
await phone.page.goto(gateway.loopback);
await take('page-login', phone.page);
await visit.context.close();
await browser.close();
