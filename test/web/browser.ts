import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** Debian's. `CHIMED_TEST_CHROMIUM` names another. */
const CHROMIUM = process.env['CHIMED_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Reports whether there is a browser, and says loudly on stderr when tests must do without it. */
export function hasChromium(): boolean {
  if (existsSync(CHROMIUM)) return true;
  process.stderr.write(
    `SKIPPED: the page's tests need Chromium (apt-get install chromium), not at ${CHROMIUM}\n`,
  );
  return false;
}

export function launchChromium(): Promise<Browser> {
  // As root, Chromium refuses to start with its sandbox.
  const args = process.getuid!() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** A browser's window on the page, and what the page did that it must not do. */
export class Visit implements AsyncDisposable {
  readonly context: BrowserContext;
  /** Errors in the console, violations of the Content-Security-Policy among them, and exceptions. */
  readonly errors: string[] = [];
  /** Requests to elsewhere. */
  readonly foreign: string[] = [];

  private constructor(context: BrowserContext, url: string) {
    this.context = context;
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.errors.push(message.text());
    });
    context.on('weberror', (error) => this.errors.push(String(error.error())));
    context.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:'))
        this.foreign.push(request.url());
    });
  }

  static async start(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<{ visit: Visit; page: Page }> {
    const context = await browser.newContext({ baseURL: url, ...options });
    context.setDefaultTimeout(20_000);
    const visit = new Visit(context, url);
    return { visit, page: await visit.open() };
  }

  /** Opens a further tab. */
  async open(): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto('/');
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

/** What the style sheet makes of an element. */
export function styleOf(locator: Locator, property: string): Promise<string> {
  return locator.evaluate((element, name) => {
    const { getComputedStyle } = globalThis as unknown as {
      getComputedStyle: (of: unknown) => Record<string, string>;
    };
    return getComputedStyle(element)[name]!;
  }, property);
}

/** The red, green and blue of a colour, from 0 to 255. */
export async function colourOf(locator: Locator, property: string): Promise<[number, number, number]> {
  const [red, green, blue] = (await styleOf(locator, property)).match(/[\d.]+/g)!.map(Number);
  return [red!, green!, blue!];
}
