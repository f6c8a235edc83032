import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type * as PacedModule from '../../src/sources/processes/paced.ts';

let Paced: typeof PacedModule.Paced;

beforeEach(async () => {
  vi.resetModules(); // What all readers share begins anew, as the clock does.
  ({ Paced } = await import('../../src/sources/processes/paced.ts'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const bytes = Buffer.from('x');

test('a reader that has worked for a millisecond rests for four times as long', () => {
  const goOn = vi.fn<() => void>();
  const { read } = new Paced(() => void vi.advanceTimersByTime(1), goOn);
  expect(read(bytes), 'it may not go on').toBe(false);
  vi.advanceTimersByTime(3);
  expect(goOn).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(goOn).toHaveBeenCalledOnce();
});

test('a reader that was held up rests for no longer than 20 ms', () => {
  const goOn = vi.fn<() => void>();
  const { read } = new Paced(() => void vi.advanceTimersByTime(1000), goOn);
  expect(read(bytes)).toBe(false);
  vi.advanceTimersByTime(20);
  expect(goOn).toHaveBeenCalledOnce();
});

test('a reader that reads without end rests, however little there is to do', () => {
  const { read, stop } = new Paced(() => {}, vi.fn<() => void>());
  let reads = 1;
  while (read(bytes)) reads++;
  expect(reads).toBeLessThanOrEqual(100);
  stop();
});

test('ten readers that read without end take a fifth of the time together, and not in one go', () => {
  let worked = 0;
  const work = (): void => {
    worked++;
    vi.advanceTimersByTime(1);
  };
  const readers = Array.from({ length: 10 }, () => {
    const reader: PacedModule.Paced = new Paced(work, () => due.push(reader));
    return reader;
  });
  // A timer that is due while another reader works fires after it.
  const due = [...readers];
  const begun = performance.now();
  let [inOneGo, longest] = [0, 0];
  for (let turn = 0; turn < 5000; turn++) {
    const next = due.shift();
    if (next) {
      next.read(bytes);
      inOneGo++;
    } else {
      vi.advanceTimersByTime(1);
      inOneGo = 0;
    }
    if (worked > 20) longest = Math.max(longest, inOneGo);
  }
  const share = worked / (performance.now() - begun);
  expect(share).toBeGreaterThan(0.15);
  expect(share).toBeLessThan(0.27);
  expect(longest).toBeLessThan(3);
  for (const reader of readers) reader.stop();
});

test('bytes that a reader leaves are given to it again after its rest, before it goes on', () => {
  const taken: string[] = [];
  const goOn = vi.fn<() => void>();
  const paced = new Paced((chunk, mayGoOn) => {
    taken.push(String(chunk.subarray(0, 1)));
    vi.advanceTimersByTime(1);
    return chunk.length > 1 && !mayGoOn() ? chunk.subarray(1) : undefined;
  }, goOn);
  const buffer = Buffer.from('abc');
  expect(paced.read(buffer)).toBe(false);
  buffer.fill('x'); // The buffer is used for other reads meanwhile.
  for (let left = 3; left > 1; left--) {
    expect(goOn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(6);
  }
  expect(taken).toEqual(['a', 'b', 'c']);
  vi.advanceTimersByTime(6);
  expect(goOn).toHaveBeenCalledOnce();
});

test('a reader that is stopped gets nothing of what it left', () => {
  const read = vi.fn<(chunk: Buffer) => Buffer>((chunk) => chunk);
  const goOn = vi.fn<() => void>();
  const paced = new Paced(read, goOn);
  expect(paced.read(bytes)).toBe(false);
  expect(paced.isResting).toBe(true);
  paced.stop();
  vi.advanceTimersByTime(1000);
  expect(read).toHaveBeenCalledOnce();
  expect(goOn).not.toHaveBeenCalled();
  expect(paced.isResting).toBe(false);
});

test('a reader that was stopped is given nothing more', () => {
  const reader = vi.fn<PacedModule.Reader>();
  const { read, stop } = new Paced(reader, vi.fn<() => void>());
  stop();
  read(bytes);
  expect(reader).not.toHaveBeenCalled();
});
