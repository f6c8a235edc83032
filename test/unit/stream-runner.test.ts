import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { StreamSink, StreamSource, StreamStart } from '../../src/sources/source.ts';
import { Listener, createTopic, topicParts } from '../helpers/topic.ts';
import { Logbook } from '../helpers/logbook.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Run {
  signal: AbortSignal;
  sink: StreamSink;
  start: StreamStart;
  /** Nothing of it is left: it has ended, or fails with an error. */
  end: (error?: Error) => Promise<void>;
}

/** A stream that does what the test says. */
function stream() {
  const runs: Run[] = [];
  const run: StreamSource['run'] = (signal, sink, start) => {
    const ended = Promise.withResolvers<void>();
    const end = async (error?: Error): Promise<void> => {
      if (error) ended.reject(error);
      else ended.resolve();
      await vi.advanceTimersByTimeAsync(0);
    };
    runs.push({ signal, sink, start, end });
    return ended.promise;
  };
  return { runs, run };
}

/** Lets what has been started take its turn. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a stream', () => {
  test('runs from the first subscriber to the last, and never twice at once', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run });
    const [one, other] = [new Listener(), new Listener()];
    topic.open();
    await settle();
    expect(runs).toHaveLength(0);
    topic.subscribe(one);
    topic.subscribe(other);
    await settle();
    expect(runs).toHaveLength(1);
    runs[0]!.sink.send({ line: 1 });
    runs[0]!.sink.send({ line: 2 });
    expect([one.heard, other.heard]).toEqual([
      [{ line: 1 }, { line: 2 }],
      [{ line: 1 }, { line: 2 }],
    ]);
    topic.unsubscribe(one);
    expect(runs[0]!.signal.aborted).toBe(false);
    topic.unsubscribe(other);
    expect(runs[0]!.signal.aborted).toBe(true);
    topic.subscribe(one);
    await settle();
    expect(runs, 'the first has yet to end').toHaveLength(1);
    runs[0]!.sink.send('too late');
    runs[0]!.sink.fail('too late');
    await runs[0]!.end();
    expect(runs).toHaveLength(2);
    expect(one.heard.at(-1), 'whoever joins begins with the latest').toEqual({ line: 2 });
    expect(topic.counters.failures).toBe(0);
  });

  test('that ends by itself fails, and is run again later and later', async () => {
    const { runs, run } = stream();
    const logger = new Logbook();
    const topic = createTopic({ run }, logger);
    const listener = new Listener();
    topic.subscribe(listener);
    await settle();
    await runs[0]!.end(new Error('the program exited with 3'));
    expect(listener.notices.at(-1)).toMatchObject({
      type: 'chimed.failing',
      data: { error: 'the program exited with 3' },
    });
    const waits: number[] = [];
    for (let index = 1; index < 9; index++) {
      let waited = 0;
      for (; runs.length === index; waited += 500) await vi.advanceTimersByTimeAsync(500);
      waits.push(waited);
      await runs[index]!.end();
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(topic.counters.failures).toBe(9);
    expect(logger.messages('warn'), 'each reason is told once').toHaveLength(2);
    await topic.close();
  });

  test('works again once it brings something, or has run for ten seconds', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run });
    const listener = new Listener();
    topic.subscribe(listener);
    await settle();
    await runs[0]!.end();
    await vi.advanceTimersByTimeAsync(1000);
    runs[1]!.sink.send('a line');
    expect(listener.notices.at(-1)).toMatchObject({ type: 'chimed.recovered', data: { failures: 1 } });
    await runs[1]!.end();
    await vi.advanceTimersByTimeAsync(2000);
    expect(runs).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(9999);
    expect(topic.health.failing).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(topic.health.failing).toBe(0);
    await runs[2]!.end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(runs, 'after a steady run it waits as at first').toHaveLength(4);
    runs[3]!.sink.fail('it is not JSON');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(topic.health.lastError, 'to run on does not mend what was wrong').toBe('it is not JSON');
  });

  test('fails with a payload that cannot be sent, and goes on', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run, maxBytes: 10 });
    const listener = new Listener();
    topic.subscribe(listener);
    await settle();
    runs[0]!.sink.send('longer than that');
    expect(topic.health.lastError).toContain('maxBytes');
    runs[0]!.sink.send('short');
    expect(listener.heard).toEqual(['short']);
    expect(topic.health.failing).toBe(0);
    expect(runs[0]!.signal.aborted).toBe(false);
  });

  test('learns what it sent last if it has been away for less than a minute', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run });
    const listener = new Listener();
    topic.subscribe(listener);
    await settle();
    const wokenAt = Date.now();
    expect(runs[0]!.start).toEqual({ goesOn: false, since: wokenAt });
    runs[0]!.sink.send(7);
    await runs[0]!.end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(runs[1]!.start, 'after it has ended').toEqual({ goesOn: true, since: wokenAt, latest: '7' });
    await vi.advanceTimersByTimeAsync(3_600_000); // Nothing comes for an hour.
    topic.unsubscribe(listener);
    const asleepAt = Date.now();
    await runs[1]!.end();
    await vi.advanceTimersByTimeAsync(59_000);
    topic.subscribe(listener);
    await settle();
    expect(runs[2]!.start, 'after a short sleep').toEqual({ goesOn: true, since: asleepAt, latest: '7' });
    topic.unsubscribe(listener);
    await runs[2]!.end();
    await vi.advanceTimersByTimeAsync(60_000);
    topic.subscribe(listener);
    await settle();
    expect(runs[3]!.start, 'after a long one').toEqual({ goesOn: false, since: Date.now() });

    const closed = topic.close();
    await runs[3]!.end();
    await closed;
    const later = createTopic({ run }, undefined, topic.save());
    later.subscribe(new Listener());
    await settle();
    expect(runs[4]!.start, 'after a restart').toMatchObject({ goesOn: true, latest: '7' });
  });

  test('of a former configuration has ended before the new one runs', async () => {
    const { runs, run } = stream();
    const next = stream();
    const topic = createTopic({ run });
    topic.subscribe(new Listener());
    await settle();
    topic.replace(topicParts({ run: next.run }));
    topic.open();
    expect(runs[0]!.signal.aborted).toBe(true);
    await settle();
    expect(next.runs).toHaveLength(0);
    await runs[0]!.end();
    expect(next.runs).toHaveLength(1);
  });

  test('that is no longer wanted does not mend the topic', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run });
    topic.subscribe(new Listener());
    await settle();
    const { config } = topicParts({});
    const { schedule: _, ...rest } = config;
    topic.replace({ config: { ...rest, source: { kind: 'provide' } }, source: undefined });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(topic.health.lastError).toBe('no client provides it');
    await runs[0]!.end();
  });

  test('cannot be sampled', () => {
    const topic = createTopic({ run: stream().run });
    expect(() => topic.sample()).toThrow(
      't cannot be sampled: its source sends by itself; run chimed listen t',
    );
  });
});

describe('every', () => {
  test('sends the newest of each period, and counts the rest', async () => {
    const { runs, run } = stream();
    const topic = createTopic({ run, everyMs: 1000 });
    const listener = new Listener();
    topic.subscribe(listener);
    await settle();
    const { sink } = runs[0]!;
    sink.send(1); // At once: nothing came before it.
    expect(listener.heard).toEqual([1]);
    for (const line of [2, 3, 4]) sink.send(line);
    await vi.advanceTimersByTimeAsync(999);
    expect(listener.heard).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(listener.heard).toEqual([1, 4]);
    expect(topic.counters.omitted).toBe(2);
    sink.send(5);
    await vi.advanceTimersByTimeAsync(5000);
    sink.send(6); // Nothing has come for a while.
    expect(listener.heard).toEqual([1, 4, 5, 6]);
    expect(topic.counters.omitted).toBe(2);
    sink.send(7);
    topic.unsubscribe(listener);
    await vi.advanceTimersByTimeAsync(5000);
    expect(topic.counters.omitted, 'what waited').toBe(3);
    expect(listener.heard, 'it sleeps').toEqual([1, 4, 5, 6]);
    expect(vi.getTimerCount(), 'nothing rings for nobody').toBe(0);
  });
});
