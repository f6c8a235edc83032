import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Logbook } from '../helpers/logbook.ts';
import { Listener, createTopic } from '../helpers/topic.ts';
import { decodeFrame } from '../helpers/decode-frame.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A source that counts its samples. */
function counting() {
  let count = 0;
  return vi.fn(() => ++count);
}

describe('a topic with nobody registered', () => {
  test('sleeps: no timer, no sample', () => {
    const sample = counting();
    const topic = createTopic({ sample });
    topic.open();
    expect(topic.awake).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(sample).not.toHaveBeenCalled();
  });

  test('is awake all the same if it is to be always', () => {
    const topic = createTopic({ sample: counting(), always: true });
    topic.open();
    vi.advanceTimersByTime(2000);
    expect(topic).toMatchObject({ awake: true, seq: 3 });
    const late = new Listener();
    topic.subscribe(late);
    expect(late.heard).toEqual([3]);
    topic.unsubscribe(late);
    vi.advanceTimersByTime(1000);
    expect(topic.seq).toBe(4);
  });
});

describe('the first to register', () => {
  test('wakes the topic: one message at once, then one each interval', () => {
    const topic = createTopic({ sample: counting() });
    const first = new Listener();
    topic.subscribe(first);
    expect(first.heard).toEqual([1]);
    vi.advanceTimersByTime(999);
    expect(first.heard).toEqual([1]);
    vi.advanceTimersByTime(2001);
    expect(first.heard).toEqual([1, 2, 3, 4]);
    expect(first.seqs).toEqual([1, 2, 3, 4]);
  });

  test('gets a sample of its own time, and not what one heard an interval earlier', () => {
    const topic = createTopic({ sample: counting() });
    const [early, late] = [new Listener(), new Listener()];
    topic.subscribe(early);
    topic.unsubscribe(early);
    vi.advanceTimersByTime(1000);
    topic.subscribe(late);
    expect([early.heard, late.heard]).toEqual([[1], [2]]);
  });

  test('waits for a sample that takes its time, with those who come meanwhile, and each hears it once', async () => {
    const sample = vi.fn(() => new Promise((resolve) => setTimeout(resolve, 300, 'slow')));
    const topic = createTopic({ sample });
    const [first, second] = [new Listener(), new Listener()];
    topic.subscribe(first);
    topic.subscribe(second);
    expect([first.heard, second.heard]).toEqual([[], []]);
    await vi.advanceTimersByTimeAsync(999);
    expect([first.heard, second.heard]).toEqual([['slow'], ['slow']]);
    expect(sample).toHaveBeenCalledOnce();
  });
});

test('who joins an awake topic gets its latest message at once, and only that; nobody else notices', () => {
  const sample = counting();
  const topic = createTopic({ sample });
  const [first, second] = [new Listener(), new Listener()];
  topic.subscribe(first);
  vi.advanceTimersByTime(1500);
  topic.subscribe(second);
  expect(second.heard).toEqual([2]);
  expect(sample).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(500);
  expect([first.heard, second.heard]).toEqual([
    [1, 2, 3],
    [2, 3],
  ]);
});

describe('when a client leaves', () => {
  test('the others go on', () => {
    const topic = createTopic({ sample: counting() });
    const [stays, leaves] = [new Listener(), new Listener()];
    topic.subscribe(stays);
    topic.subscribe(leaves);
    topic.unsubscribe(leaves);
    vi.advanceTimersByTime(1000);
    expect([stays.heard, leaves.heard]).toEqual([[1, 2], [1]]);
  });

  test('and was the last, the topic sleeps when the sample under way has ended', async () => {
    const run = Promise.withResolvers<string>();
    let signal: AbortSignal | undefined;
    const topic = createTopic({ sample: (given) => ((signal = given), run.promise) });
    const last = new Listener();
    topic.subscribe(last);
    topic.unsubscribe(last);
    expect(topic.awake).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    expect(signal?.aborted).toBe(false);
    run.resolve('of use to the next');
    await vi.advanceTimersByTimeAsync(0);
    expect(signal?.aborted).toBe(true); // What the source keeps for its samples can go.
    expect(topic.seq).toBe(1);
  });

  test('that was never there, nothing happens', () => {
    const topic = createTopic({ sample: counting() });
    const stays = new Listener();
    topic.subscribe(stays);
    topic.unsubscribe(new Listener());
    expect(topic).toMatchObject({ awake: true, subscribers: 1 });
  });
});

describe('a topic that sends on change', () => {
  test('sends only what differs from its last message', () => {
    const values = [1, 1, { a: 1 }, { a: 1 }, 1];
    const topic = createTopic({ sample: () => values.shift(), onChange: true });
    const listener = new Listener();
    topic.subscribe(listener);
    vi.advanceTimersByTime(4000);
    expect(listener.heard).toEqual([1, { a: 1 }, 1]);
    expect(listener.seqs).toEqual([1, 2, 3]);
  });

  test('gives who wakes it its last message, though that has not changed, and once', () => {
    const topic = createTopic({ sample: () => 'same', onChange: true });
    const [early, late] = [new Listener(), new Listener()];
    topic.subscribe(early);
    topic.unsubscribe(early);
    topic.subscribe(late);
    vi.advanceTimersByTime(5000);
    expect([early.seqs, late.seqs]).toEqual([[1], [1]]);
  });
});

describe('a topic whose source fails', () => {
  test('sends nothing, and logs only when it begins to fail and when it has recovered', () => {
    const logger = new Logbook();
    const sample = vi.fn((): unknown => 'well');
    const topic = createTopic({ sample }, logger);
    const listener = new Listener();
    topic.subscribe(listener);
    sample.mockImplementation(() => {
      throw new Error('broken');
    });
    vi.advanceTimersByTime(3000);
    sample.mockImplementation(() => 'well again');
    vi.advanceTimersByTime(2000);
    expect(listener.heard).toEqual(['well', 'well again', 'well again']);
    expect(listener.seqs).toEqual([1, 2, 3]);
    expect(logger.messages('warn', 'error')).toEqual(['source is failing']);
    expect(logger.lines).toContainEqual(expect.objectContaining({ topic: 't', error: 'broken' }));
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ message: 'source has recovered', failures: 3 }),
    );
    expect([topic.counters.failures, topic.health.lastError]).toEqual([3, undefined]);
  });

  test.each([
    ['what JSON cannot carry', undefined],
    ['more than maxBytes', 'x'.repeat(1001)],
  ])('is also one whose source gives %s', (_, payload) => {
    const topic = createTopic({ sample: () => payload });
    const listener = new Listener();
    topic.subscribe(listener);
    expect(listener.heard).toEqual([]);
    expect(topic.counters.failures).toBe(1);
  });
});

test('a message says when it was made, and is the same bytes for everybody', () => {
  const topic = createTopic({ sample: counting() });
  const heard: Buffer[] = [];
  topic.subscribe(
    Object.assign(new Listener(), { message: (_: string, frame: Buffer) => heard.push(frame) }),
  );
  topic.subscribe(
    Object.assign(new Listener(), { message: (_: string, frame: Buffer) => heard.push(frame) }),
  );
  vi.advanceTimersByTime(1000);
  expect(heard).toHaveLength(4);
  expect(heard[2]).toBe(heard[3]);
  expect(decodeFrame(heard[2]!)).toEqual({ type: 't', data: 2, seq: 2, time: Date.now(), offset: 2 });
});
