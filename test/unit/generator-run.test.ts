import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { GeneratorRun } from '../../src/client/generator-run.ts';
import type { Generate } from '../../src/client/provided.ts';
import { silent } from '../../src/log.ts';

let sent: unknown[];
let failures: string[];
let hasRoom: boolean;
let announceRoom: () => void;

beforeEach(() => {
  sent = [];
  failures = [];
  hasRoom = true;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function run(generate: Generate): GeneratorRun {
  return new GeneratorRun(generate, {
    provided: {
      topic: 't',
      send: (data) => hasRoom && sent.push(data) > 0,
      fail: (error) => void failures.push(error),
    },
    logger: silent,
    room: () => new Promise((resolve) => (announceRoom = resolve)),
  });
}

/** Lets all that can go on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

/** Yields its values and then waits for its signal, and says when it begins and ends. */
function lasting(told: string[], ...values: unknown[]): Generate {
  return async function* ({ topic, signal }) {
    told.push(`begins ${topic}`);
    try {
      yield* values;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    } finally {
      told.push('ends');
    }
  };
}

describe('a generator', () => {
  test('runs while somebody listens, and its finally when nobody does any more', async () => {
    const told: string[] = [];
    const generator = run(lasting(told, 1, 2));
    await settle();
    expect(told).toEqual([]);
    generator.wanted();
    generator.wanted();
    await settle();
    expect([told, sent]).toEqual([['begins t'], [1, 2]]);
    generator.unwanted();
    await settle();
    expect(told).toEqual(['begins t', 'ends']);
    generator.wanted();
    await settle();
    expect([told.length, sent]).toEqual([3, [1, 2, 1, 2]]);
  });

  test('that does not look at its signal is never run twice at once, and what it still yields is dropped', async () => {
    let [running, most] = [0, 0];
    const steps: (() => void)[] = [];
    const generator = run(async function* () {
      most = Math.max(most, ++running);
      try {
        await new Promise<void>((resolve) => steps.push(resolve));
        yield 'late';
      } finally {
        running--;
      }
    });
    generator.wanted();
    for (let times = 0; times < 3; times++) {
      generator.unwanted();
      generator.wanted();
      await settle();
    }
    expect([steps.length, most]).toEqual([1, 1]);
    steps[0]!();
    await settle();
    expect([steps.length, most, sent]).toEqual([2, 1, []]);
    steps[1]!();
    await settle();
    expect(sent).toEqual(['late']);
  });

  test('that returns is called again only when somebody listens anew', async () => {
    let calls = 0;
    const generator = run(async function* () {
      yield ++calls;
    });
    generator.wanted();
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toEqual([1]);
    generator.unwanted();
    generator.wanted();
    await settle();
    expect(sent).toEqual([1, 2]);
  });

  test('that throws makes its topic fail, and is called again after a delay that doubles until it has yielded', async () => {
    let [calls, works] = [0, false];
    const generator = run(async function* () {
      calls++;
      if (works) yield calls;
      throw new Error('no such sensor');
    });
    generator.wanted();
    await settle();
    const delays: number[] = [];
    for (const delay of [50, 100, 200, 400, 800, 1600, 2500, 2500]) {
      const before = calls;
      await vi.advanceTimersByTimeAsync(delay - 1);
      await settle();
      expect(calls).toBe(before);
      await vi.advanceTimersByTimeAsync(1);
      await settle();
      if (calls > before) delays.push(delay);
    }
    expect(delays).toHaveLength(8);
    expect(new Set(failures)).toEqual(new Set(['no such sensor']));
    works = true;
    await vi.advanceTimersByTimeAsync(2500);
    await settle();
    expect(sent).toEqual([calls]);
    await vi.advanceTimersByTimeAsync(50);
    await settle();
    expect(sent).toEqual([calls - 1, calls]);
  });

  test('that has thrown is not called again once nobody listens', async () => {
    let calls = 0;
    const generator = run(() => {
      calls++;
      throw new Error('broken');
    });
    generator.wanted();
    await settle();
    generator.unwanted();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([calls, failures]).toEqual([1, ['broken']]);
  });

  test('that throws because its signal aborts has not failed', async () => {
    const generator = run(async function* ({ signal }) {
      yield 1;
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    });
    generator.wanted();
    await settle();
    generator.unwanted();
    await settle();
    expect(failures).toEqual([]);
  });

  test('waits while the daemon does not read, and then sends what it waited with', async () => {
    const generator = run(lasting([], 1, 2));
    hasRoom = false;
    generator.wanted();
    await settle();
    announceRoom();
    await settle();
    expect(sent).toEqual([]);
    hasRoom = true;
    announceRoom();
    await settle();
    expect(sent).toEqual([1, 2]);
  });

  test('that never waits leaves the event loop to others', async () => {
    const generator = run(async function* () {
      for (let value = 0; value < 1000; value++) yield value;
    });
    generator.wanted();
    await settle();
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.length).toBeLessThan(1000);
    generator.unwanted();
  });

  test('that is no generator says so', async () => {
    const generator = run((async () => 5) as unknown as Generate);
    generator.wanted();
    await settle();
    expect(failures).toEqual(['the generator returned no async iterable; write it as `async function*`']);
    generator.unwanted();
  });

  test('may be any async iterable: one that waits for ever is ended by its return()', async () => {
    const returned = vi.fn(async () => ({ done: true, value: undefined }) as const);
    const iterator = { next: () => new Promise<never>(() => {}), return: returned };
    const generator = run(() => ({ [Symbol.asyncIterator]: () => iterator }));
    generator.wanted();
    await settle();
    generator.unwanted();
    await settle();
    expect(returned).toHaveBeenCalledTimes(1);
  });
});
