import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { Program, root } from '../../helpers/program.ts';
import type { Feed, OpenFeed } from '../feeds/feed.ts';
import { newPlace } from '../place.ts';
import type { Subscriber } from './subscriber.ts';

/** From the subscription until the runtime of the program has finished what it does at its start. */
const SETTLE_MS = 500;
const END = '"end"';

/** A feed, and the one subscriber that has subscribed to it. */
export class Started implements AsyncDisposable {
  readonly feed: Feed;
  readonly pid: number;
  readonly #program: Program;
  readonly #cleanUp: AsyncDisposableStack;

  /** @param pauseMs How long the program sleeps for each message. */
  static async start(
    { name, build, options = [] }: Subscriber,
    open: OpenFeed,
    pauseMs: number,
  ): Promise<Started> {
    await using cleanUp = new AsyncDisposableStack();
    const place = await newPlace();
    cleanUp.defer(() => rmSync(place.folder, { recursive: true, force: true }));
    const feed = cleanUp.use(await open(place));
    const [file, ...args] = [...build(), place.socket, String(pauseMs / 1000), ...options];
    const program = cleanUp.use(new Program(args, {}, root, file));
    const ended = program.ended.then((how) => {
      throw new Error(`"${name}" ended with ${how} instead of subscribing: ${program.output.stderr}`);
    });
    ended.catch(() => {}); // It is killed in the end.
    await Promise.race([feed.subscribed(), ended]);
    await wait(SETTLE_MS);
    return new Started(feed, program, cleanUp.move());
  }

  private constructor(feed: Feed, program: Program, cleanUp: AsyncDisposableStack) {
    this.feed = feed;
    this.pid = program.pid;
    this.#program = program;
    this.#cleanUp = cleanUp;
  }

  /** So many messages and the end. */
  encode(payload: string, count: number): Buffer {
    return Buffer.concat([this.feed.encode(payload, count), this.feed.encode(END, 1)]);
  }

  /** Resolves when the program has seen the end, with what it counted. */
  async counted(): Promise<{ received: number; missed: number }> {
    const line = await this.#program.stdout.find(() => true);
    const [received = 0, missed = 0] = line.split(' ').map(Number);
    return { received, missed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp[Symbol.asyncDispose]();
  }
}
