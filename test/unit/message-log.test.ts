import { beforeEach, describe, expect, test } from 'vitest';

import { MessageLog } from '../../src/daemon/message-log.ts';
import { FrameReader, decodeFrame } from '../../src/transport/frames.ts';

const frames = (log: MessageLog, after = 0) => log.after(after).map(({ frame }) => decodeFrame(frame));

let log: MessageLog;

beforeEach(() => {
  log = new MessageLog('news', 3, 100);
});

test('messages are numbered from 1, and the last ones are kept', () => {
  expect(log).toMatchObject({ seq: 0, last: undefined, lastJson: undefined });
  for (const word of ['a', 'b', 'c', 'd']) log.append(log.encode(word));
  expect(log).toMatchObject({ seq: 4, lastJson: '"d"' });
  expect(decodeFrame(log.last!.frame)).toEqual({
    type: 'news',
    data: 'd',
    seq: 4,
    time: expect.closeTo(Date.now(), -4),
  });
  expect(frames(log).map(({ data }) => data)).toEqual(['b', 'c', 'd']);
  expect(frames(log, 3).map(({ data }) => data)).toEqual(['d']);
  expect(frames(log, 4)).toEqual([]);
});

test('the latest is kept even by a log of no size', () => {
  const small = new MessageLog('news', 0, 100);
  small.append('1');
  small.append('2');
  expect(frames(small)).toMatchObject([{ data: 2 }]);
});

describe('a payload', () => {
  test('may have so many bytes of JSON, and not one more', () => {
    expect(log.encode('é'.repeat(49))).toHaveLength(51);
    expect(() => log.encode(`x${'é'.repeat(49)}`)).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  test('may nest as many levels as a frame can carry, and not one more', () => {
    const roomy = new MessageLog('t', 1, 10_000);
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    const { frame } = roomy.append(roomy.encode(nested(64)));
    expect([...new FrameReader({ maxBytes: 10_000, maxValues: 10 ** 9 }).read(frame)]).toMatchObject([
      { type: 't', seq: 1 },
    ]);
    expect(() => roomy.encode(nested(65))).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  test.each([undefined, () => 1, Symbol('x')])('that JSON cannot carry is refused: %s', (payload) => {
    expect(() => log.encode(payload)).toThrow(expect.objectContaining({ code: 'source-failed' }));
  });

  test('that is refused takes no number', () => {
    expect(() => log.encode(undefined)).toThrow();
    expect(log.append(log.encode(null)).seq).toBe(1);
  });
});

describe('what is saved', () => {
  beforeEach(() => {
    for (const data of [{ a: 'é\f' }, null, [1.5]]) log.append(log.encode(data));
  });

  test('comes back as it was: the same bytes, the same number next', () => {
    const saved = JSON.parse(JSON.stringify(log.save()));
    const restored = new MessageLog('news', 3, 100, saved);
    expect(restored.after(0)).toEqual(log.after(0));
    expect(restored.lastJson).toBe('[1.5]');
    expect(restored.append('"next"').seq).toBe(4);
  });

  test('is kept only as far as the log is large', () => {
    const restored = new MessageLog('news', 1, 100, log.save());
    expect(frames(restored)).toMatchObject([{ seq: 3 }]);
  });

  test('is the numbering, even before there is a message', () => {
    const restored = new MessageLog('news', 1, 100, { seq: 41, messages: [] });
    expect(restored).toMatchObject({ seq: 41, last: undefined });
    expect(restored.append('1').seq).toBe(42);
  });
});
