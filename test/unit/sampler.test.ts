import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Sampler } from '../../src/daemon/topics/sampler.ts';
import { Scheduler } from '../../src/daemon/schedule/scheduler.ts';
import { TopicCounters } from '../../src/daemon/topics/topic-counters.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { SourceHealth } from '../../src/daemon/topics/source-health.ts';
import type { HealthListener } from '../../src/daemon/topics/source-health.ts';
import type { DriverTools } from '../../src/daemon/topics/driver.ts';
import type { Source } from '../../src/sources/source.ts';

type Sample = Source['sample'];

function samplerTools(listener: HealthListener): DriverTools {
  const counters = new TopicCounters(newTotals());
  const health = new SourceHealth(listener, counters);
  return { scheduler: new Scheduler((ring) => ring(), 0), counters, health };
}

const tellNobody: HealthListener = { failing() {}, recovered() {} };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A sampler that ticks once a second, and what it said. */
function sampling(sample: Sample) {
  const said: unknown[] = [];
  const tools = samplerTools({
    failing: (error) => said.push(`failing: ${error}`),
    recovered: (failures) => said.push(`recovered after ${failures}`),
  });
  const sampler = new Sampler(
    { sample },
    { kind: 'interval', intervalMs: 1000, align: false },
    {
      encode: (payload) => payload as string, // What is said is what was sampled.
      payload: (json) => said.push(json),
    },
    tools,
  );
  return { sampler, said, counters: tools.counters, health: tools.health };
}

/** A source whose samples take as long as the test wants, and what became of each. */
class SlowSource {
  readonly runs: (PromiseWithResolvers<unknown> & { signal: AbortSignal })[] = [];

  readonly sample = (signal: AbortSignal): Promise<unknown> => {
    const run = Promise.withResolvers<unknown>();
    this.runs.push({ ...run, signal });
    return run.promise;
  };

  async end(payload: unknown): Promise<void> {
    const run = this.runs.at(-1)!;
    if (payload instanceof Error) run.reject(payload);
    else run.resolve(payload);
    await vi.advanceTimersByTimeAsync(0);
  }
}

test('a sample is taken at once if asked for, and then at each tick', () => {
  let count = 0;
  const { sampler, said } = sampling(() => ++count);
  sampler.start({ sampleNow: true });
  expect(said).toEqual([1]);
  vi.advanceTimersByTime(2000);
  expect(said).toEqual([1, 2, 3]);
});

test('a sample is taken at the first tick if it need not be at once', () => {
  const { sampler, said } = sampling(() => 'tick');
  sampler.start({ sampleNow: false });
  vi.advanceTimersByTime(999);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(['tick']);
});

describe('a slow sample', () => {
  test('is never joined by a second; the ticks that it overruns are counted', async () => {
    const source = new SlowSource();
    const { sampler, said, counters } = sampling(source.sample);
    sampler.start({ sampleNow: true });
    vi.advanceTimersByTime(3500);
    expect(source.runs).toHaveLength(1);
    expect(counters.skippedTicks).toBe(3);
    await source.end('slow');
    expect(said).toEqual(['slow']);
    vi.advanceTimersByTime(500);
    expect(source.runs).toHaveLength(2);
    expect(counters.skippedTicks).toBe(3);
  });

  test('is aborted when the sampler stops, and what it gives or throws then is dropped', async () => {
    for (const outcome of ['too late', new Error('aborted')]) {
      const source = new SlowSource();
      const { sampler, said, counters, health } = sampling(source.sample);
      sampler.start({ sampleNow: true });
      const { signal } = source.runs[0]!;
      expect(signal.aborted).toBe(false);
      sampler.stop();
      expect(signal.aborted).toBe(true);
      await source.end(outcome);
      expect(said).toEqual([]);
      expect([counters.failures, health.lastError]).toEqual([0, undefined]);
      expect(source.runs).toHaveLength(1);
    }
  });

  test('of an earlier period is followed, once it has ended, by one of this period', async () => {
    const source = new SlowSource();
    const { sampler, said } = sampling(source.sample);
    sampler.start({ sampleNow: true });
    sampler.stop();
    sampler.start({ sampleNow: true });
    expect(source.runs).toHaveLength(1);
    await source.end('of the earlier period');
    expect(said).toEqual([]);
    expect(source.runs).toHaveLength(2);
    expect(source.runs[1]!.signal.aborted).toBe(false);
    await source.end('of this period');
    expect(said).toEqual(['of this period']);
  });

  test('is what `settled` waits for', async () => {
    const source = new SlowSource();
    const { sampler } = sampling(source.sample);
    await sampler.settled();
    sampler.start({ sampleNow: true });
    let settled = false;
    sampler.stop();
    void sampler.settled().then(() => (settled = true));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(settled).toBe(false);
    await source.end('at last');
    expect(settled).toBe(true);
  });
});

test('a stopped sampler has no timer and takes no samples', () => {
  const { sampler, said } = sampling(() => 'tick');
  sampler.start({ sampleNow: true });
  sampler.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(5000);
  expect(said).toEqual(['tick']);
});

test('a sampler without a schedule takes one sample and no more', () => {
  const payload = vi.fn();
  const tools = samplerTools(tellNobody);
  const listener = { encode: String, payload };
  const sampler = new Sampler({ sample: () => 1 }, undefined, listener, tools);
  sampler.start({ sampleNow: true });
  expect(vi.getTimerCount()).toBe(0);
  expect(payload).toHaveBeenCalledOnce();
  expect(tools.counters.lateness.percentile(50)).toBeNull();
});

describe('a source that fails', () => {
  const outcomes = [new Error('first'), new Error('second'), 'well', new Error('third'), 'well again'];
  const expected = [
    'failing: first',
    'failing: second',
    'recovered after 2',
    'well',
    'failing: third',
    'recovered after 1',
    'well again',
  ];

  function give(outcome: unknown): unknown {
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  test.each([
    ['by throwing', (index: number) => give(outcomes[index])],
    ['by rejecting', async (index: number) => give(outcomes[index])],
  ])('%s is told with each new reason, and its recovery once', async (_, outcome) => {
    let index = 0;
    const { sampler, said, counters, health } = sampling(() => outcome(index++));
    sampler.start({ sampleNow: false });
    await vi.advanceTimersByTimeAsync(2000);
    expect([counters.failures, health.lastError]).toEqual([2, 'second']);
    await vi.advanceTimersByTimeAsync(1000);
    expect([counters.failures, health.lastError]).toEqual([2, undefined]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(said).toEqual(expected);
    expect(counters.failures).toBe(3);
    sampler.stop();
  });

  test('is also one whose payload cannot be used', () => {
    const failing = vi.fn();
    const encode = () => {
      throw new Error('too large');
    };
    const sampler = new Sampler(
      { sample: () => 1 },
      undefined,
      { encode, payload() {} },
      samplerTools({ ...tellNobody, failing }),
    );
    sampler.start({ sampleNow: true });
    expect(failing).toHaveBeenCalledWith('too large');
  });

  test('is none if only the delivery of its payload fails', () => {
    const failing = vi.fn();
    const payload = () => {
      throw new Error('a mistake in the delivery');
    };
    const tools = samplerTools({ ...tellNobody, failing });
    const listener = { encode: String, payload };
    const sampler = new Sampler({ sample: () => 1 }, undefined, listener, tools);
    expect(() => sampler.start({ sampleNow: true })).toThrow('a mistake in the delivery');
    expect(failing).not.toHaveBeenCalled();
    expect(tools.counters.failures).toBe(0);
  });

  test('for the same reason again is told once', () => {
    const { sampler, said, counters } = sampling(() => {
      throw new Error('no luck');
    });
    sampler.start({ sampleNow: true });
    vi.advanceTimersByTime(3000);
    sampler.stop();
    expect(said).toEqual(['failing: no luck']);
    expect(counters.failures).toBe(4);
  });
});

test.each([
  [7, 0],
  [2500, 2],
])('how late ticks came is known: %i ms, and how many these overran: %i', (lateMs, overrun) => {
  const { sampler, said, counters } = sampling(() => 'tick');
  sampler.start({ sampleNow: false });
  // A real machine is late by chance; here time goes on while no timer fires.
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + lateMs);
  vi.advanceTimersByTime(1000);
  vi.restoreAllMocks();
  sampler.stop();
  expect(said).toEqual(['tick']);
  expect(counters.lateness.percentile(50)! / lateMs).toBeCloseTo(1, 1);
  expect(counters.skippedTicks).toBe(overrun);
});

describe('a probe', () => {
  test('is told to nobody, and takes no sample that no tick asks for', async () => {
    const source = new SlowSource();
    const { sampler, said } = sampling(source.sample);
    sampler.start({ sampleNow: false });
    const probe = sampler.probe();
    expect(sampler).toMatchObject({ running: false, isBusy: true });
    await source.end('probed');
    expect(await probe).toBe('probed');
    expect(sampler.isBusy).toBe(false);
    expect(source.runs).toHaveLength(1);
    expect(said).toEqual([]);
  });

  test('is followed by the tick that it held up, which is not skipped', async () => {
    const source = new SlowSource();
    const { sampler, said, counters } = sampling(source.sample);
    sampler.start({ sampleNow: false });
    const probe = sampler.probe();
    await vi.advanceTimersByTimeAsync(1000);
    expect(source.runs).toHaveLength(1);
    await source.end('probed');
    await probe;
    expect(source.runs).toHaveLength(2);
    await source.end('ticked');
    expect(said).toEqual(['ticked']);
    expect(counters.skippedTicks).toBe(0);
  });

  test('is followed by the sample of whoever wakes the topic meanwhile', async () => {
    const source = new SlowSource();
    const { sampler, said } = sampling(source.sample);
    const probe = sampler.probe();
    sampler.start({ sampleNow: true });
    await source.end('probed');
    await probe;
    await source.end('first');
    expect(said).toEqual(['first']);
  });

  test('has the signal of the period that it falls into, which goes on', async () => {
    const source = new SlowSource();
    const { sampler } = sampling(source.sample);
    sampler.start({ sampleNow: true });
    await source.end('first');
    const probe = sampler.probe();
    await source.end('probed');
    await probe;
    const [first, probed] = source.runs;
    expect(probed!.signal).toBe(first!.signal);
    expect(first!.signal.aborted).toBe(false);
    sampler.stop();
    const asleep = sampler.probe();
    await source.end('probed');
    await asleep;
    expect(source.runs[2]!.signal.aborted).toBe(true);
  });

  test('that fails is an error for who asked, and no failure of the source', async () => {
    const source = new SlowSource();
    const { sampler, said, counters } = sampling(source.sample);
    const probe = sampler.probe();
    const failed = expect(probe).rejects.toThrow('on purpose');
    await source.end(new Error('on purpose'));
    await failed;
    expect(said).toEqual([]);
    expect([counters.failures, sampler.isBusy]).toEqual([0, false]);
  });

  test('is one at a time, and ends with its topic, also while it waits', async () => {
    const source = new SlowSource();
    const { sampler } = sampling(source.sample);
    sampler.start({ sampleNow: true });
    const waiting = sampler.probe();
    await expect(sampler.probe()).rejects.toThrow('another requested sample of this topic is running');
    sampler.end();
    const gone = expect(waiting).rejects.toThrow('the topic has changed, or is gone');
    await source.end('first');
    await gone;
    expect(source.runs).toHaveLength(1);
    const asleep = sampler.probe();
    sampler.end();
    expect(source.runs[1]!.signal.aborted).toBe(true);
    await source.end('probed');
    await asleep;
  });
});
