import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { TopicConfig } from '../../src/config/config.ts';
import { Topic } from '../../src/daemon/topic.ts';
import type { Subscriber } from '../../src/daemon/topic.ts';
import type { Logger } from '../../src/log.ts';
import { decodeFrame } from '../../src/transport/frames.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

/** A subscriber that writes down what it hears: [seq, data]. */
class Ear implements Subscriber {
  readonly heard: [number, unknown][] = [];
  message(_: string, frame: Buffer): void {
    const { seq, data } = decodeFrame(frame);
    this.heard.push([seq!, data]);
  }
}

const lines: string[] = [];
const note = (_: object, text: string): void => void lines.push(text);
const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
beforeEach(() => void (lines.length = 0));

const defaults: TopicConfig = {
  name: 't',
  schedule: { kind: 'interval', intervalMs: 1000, align: false },
  source: { kind: 'data', data: null },
  timeoutMs: 1000,
  maxBytes: 1000,
  onChange: false,
  always: false,
  history: 0,
};

/** A topic whose source is a function. */
function topicOf(sample: (signal: AbortSignal) => unknown, config: Partial<TopicConfig> = {}): Topic {
  return new Topic({ config: { ...defaults, ...config }, source: { sample } }, logger);
}

/** A source that counts its samples from 1. */
function counter(): () => number {
  let count = 0;
  return () => ++count;
}

/** Lets what is settled be heard of. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a topic', () => {
  test('is asleep until somebody subscribes, who gets a message at once and then one each interval', () => {
    const topic = topicOf(counter());
    vi.advanceTimersByTime(5000);
    expect([topic.seq, topic.awake, vi.getTimerCount()]).toEqual([0, false, 0]);
    const ear = new Ear();
    topic.subscribe(ear);
    expect(ear.heard).toEqual([[1, 1]]);
    vi.advanceTimersByTime(2000);
    expect(ear.heard).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    topic.unsubscribe(ear);
    vi.advanceTimersByTime(5000);
    expect([topic.seq, topic.awake, vi.getTimerCount()]).toEqual([3, false, 0]);
  });

  test('gives the latest message to whoever joins, once', () => {
    const topic = topicOf(counter());
    const [first, second] = [new Ear(), new Ear()];
    topic.subscribe(first);
    vi.advanceTimersByTime(1500);
    topic.subscribe(second);
    expect(second.heard).toEqual([[2, 2]]);
    vi.advanceTimersByTime(500);
    expect(second.heard).toEqual([
      [2, 2],
      [3, 3],
    ]);
  });

  test('has whoever joins during the first sample wait for it, rather than get one from before it slept', async () => {
    let release: (value: unknown) => void = () => {};
    const topic = topicOf(() => new Promise((resolve) => (release = resolve)));
    const [first, second] = [new Ear(), new Ear()];
    topic.subscribe(first);
    release('old');
    await settle();
    topic.unsubscribe(first);
    topic.subscribe(first);
    topic.subscribe(second);
    expect(second.heard).toEqual([]);
    release('new');
    await settle();
    expect(second.heard).toEqual([[2, 'new']]);
    expect(first.heard).toEqual([
      [1, 'old'],
      [2, 'new'],
    ]);
  });

  test('that sends on change is silent while nothing changes, but greets whoever joins', () => {
    let value = 1;
    const topic = topicOf(() => ({ value }), { onChange: true });
    const [first, second] = [new Ear(), new Ear()];
    topic.subscribe(first);
    vi.advanceTimersByTime(3000);
    topic.unsubscribe(first);
    topic.subscribe(second);
    expect([first.heard, second.heard]).toEqual([[[1, { value: 1 }]], [[1, { value: 1 }]]]);
    value = 2;
    vi.advanceTimersByTime(1000);
    expect(second.heard.at(-1)).toEqual([2, { value: 2 }]);
  });

  test('that always ticks needs nobody', () => {
    const topic = topicOf(counter(), { always: true });
    topic.open();
    vi.advanceTimersByTime(2000);
    expect(topic.seq).toBe(3);
  });

  test('hands what is kept to a subscriber that comes back, in order, and nothing twice', () => {
    const topic = topicOf(counter(), { history: 3, always: true });
    topic.open();
    vi.advanceTimersByTime(4000);
    const heard = (after: number): number[] => {
      const ear = new Ear();
      topic.subscribe(ear, after);
      topic.unsubscribe(ear);
      return ear.heard.map(([seq]) => seq);
    };
    expect([heard(5), heard(4), heard(3), heard(0), heard(99)]).toEqual([[], [5], [4, 5], [3, 4, 5], []]);
  });

  test('keeps its numbering, its messages and its subscribers when its configuration is replaced', () => {
    const topic = topicOf(counter(), { history: 2 });
    const ear = new Ear();
    topic.subscribe(ear);
    topic.replace({ config: { ...defaults, history: 2 }, source: { sample: () => 'new' } });
    expect(ear.heard).toEqual([
      [1, 1],
      [2, 'new'],
    ]);
    const next = new Topic({ config: defaults, source: { sample: () => 'next' } }, logger, topic.save());
    const late = new Ear();
    next.subscribe(late, 1);
    expect(late.heard).toEqual([
      [2, 'new'],
      [3, 'next'],
    ]);
  });
});

describe('a sample', () => {
  test('is never taken twice at once; the ticks it overruns are counted', async () => {
    let running = 0;
    const topic = topicOf(async () => {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      running--;
      return 'slow';
    });
    topic.subscribe(new Ear());
    await vi.advanceTimersByTimeAsync(8000);
    expect([topic.seq, topic.sampler.skippedTicks]).toEqual([2, 6]);
  });

  test('that fails sends nothing, and is told once when that begins and once when it ends', async () => {
    let broken = false;
    const topic = topicOf(async () => {
      if (broken) throw new Error('broken');
      return 1;
    });
    const ear = new Ear();
    topic.subscribe(ear);
    broken = true;
    await vi.advanceTimersByTimeAsync(3000);
    expect(topic.sampler).toMatchObject({ failures: 3, lastError: 'broken' });
    broken = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(topic.sampler).toMatchObject({ failures: 3, lastError: undefined });
    expect(ear.heard).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('source'))).toEqual([
      'source is failing',
      'source has recovered',
    ]);
  });

  test.each([
    ['nothing', undefined],
    ['a function', () => 1],
    ['what JSON cannot carry', 1n],
    ['more than maxBytes', 'x'.repeat(1000)],
  ])('of %s has failed', (_, payload) => {
    const topic = topicOf(() => payload);
    const ear = new Ear();
    topic.subscribe(ear);
    expect(topic.sampler.failures).toBe(1);
    expect(ear.heard).toEqual([]);
  });

  test('is told to end when the topic falls asleep, and what it gives then is not sent', async () => {
    const signals: AbortSignal[] = [];
    const releases: ((value: unknown) => void)[] = [];
    const topic = topicOf((signal) => {
      signals.push(signal);
      return new Promise((resolve) => releases.push(resolve));
    });
    const ear = new Ear();
    topic.subscribe(ear);
    topic.unsubscribe(ear);
    expect(signals[0]!.aborted).toBe(true);
    topic.subscribe(ear);
    expect(signals, 'the old one has yet to end').toHaveLength(1);
    releases[0]!('stale');
    await settle();
    releases[1]!('fresh');
    await settle();
    expect(ear.heard).toEqual([[1, 'fresh']]);
  });
});

describe('what is published', () => {
  const topicFor = (schedule?: TopicConfig['schedule']): Topic => {
    const { schedule: _, ...rest } = defaults;
    const config: TopicConfig = { ...rest, source: { kind: 'publish' }, ...(schedule && { schedule }) };
    return new Topic({ config, source: undefined }, logger);
  };

  test('is numbered and sent at once, and kept for whoever comes', () => {
    const topic = topicFor();
    expect(topic.publish('early')).toBe(1);
    const ear = new Ear();
    topic.subscribe(ear);
    topic.publish('late');
    expect(ear.heard).toEqual([
      [1, 'early'],
      [2, 'late'],
    ]);
  });

  test('is sent again at each tick, under a new number', () => {
    const topic = topicFor(defaults.schedule);
    const ear = new Ear();
    topic.subscribe(ear);
    vi.advanceTimersByTime(3000);
    expect(ear.heard).toEqual([]);
    topic.publish('x');
    vi.advanceTimersByTime(2000);
    expect(ear.heard).toEqual([
      [1, 'x'],
      [2, 'x'],
      [3, 'x'],
    ]);
  });

  test('is refused if it is too large, or the topic has a source', () => {
    expect(() => topicFor().publish('x'.repeat(1000))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
    expect(() => topicOf(counter()).publish(1)).toThrow(expect.objectContaining({ code: 'not-publishable' }));
  });
});
