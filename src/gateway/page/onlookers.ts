/** How long no tab is shown before the stream is closed. */
const PAUSE_AFTER_MS = 60_000;
/** How often the tabs are counted, in case that one was closed without a word. */
const COUNT_EVERY_MS = 60_000;
const LOCK = 'chimed-onlooker';

/**
 * Knows whether any tab is shown: each that is holds a shared lock, which the browser takes back however the tab ends. Only
 * the tab that leads counts them.
 */
export class Onlookers {
  readonly #none: () => void;
  readonly #some: () => void;
  #isWatching = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Gives the lock of this tab back, and waits until the browser has it. */
  #release: (() => Promise<void>) | undefined;

  /** @param none Is called when no tab was shown for a while. @param some Is called whenever one is shown. */
  constructor(none: () => void, some: () => void) {
    this.#none = none;
    this.#some = some;
  }

  /** @param changed Tells the other tabs that this one was shown or hidden. */
  start(changed: () => void): void {
    const look = async (): Promise<void> => {
      await this.#hold();
      changed();
      await this.count();
    };
    document.addEventListener('visibilitychange', () => void look());
    void look();
  }

  /** From now on this tab leads. */
  watch(): void {
    this.#isWatching = true;
    void this.count();
    setInterval(() => void this.count(), COUNT_EVERY_MS);
  }

  async count(): Promise<void> {
    if (!this.#isWatching) return;
    if (await isAnyShown()) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#some();
    } else {
      this.#timer ??= setTimeout(() => void this.#giveUp(), PAUSE_AFTER_MS);
    }
  }

  async #giveUp(): Promise<void> {
    this.#timer = undefined;
    if (!(await isAnyShown())) this.#none();
  }

  async #hold(): Promise<void> {
    const isShown = document.visibilityState === 'visible';
    if (isShown === (this.#release !== undefined) || !('locks' in navigator)) return;
    if (!isShown) {
      const release = this.#release;
      this.#release = undefined;
      return release?.();
    }
    const end = Promise.withResolvers<void>();
    const start = Promise.withResolvers<void>();
    const ended = navigator.locks.request(LOCK, { mode: 'shared' }, () => {
      start.resolve();
      return end.promise;
    });
    this.#release = () => {
      end.resolve();
      return ended;
    };
    await start.promise;
  }
}

async function isAnyShown(): Promise<boolean> {
  if (!('locks' in navigator)) return document.visibilityState === 'visible';
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === LOCK);
}
