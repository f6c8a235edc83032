import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';

import { ChimedError } from '../../src/errors.ts';
import { LARGEST_FRAME_BYTES, LARGEST_PAYLOAD_BYTES } from '../../src/protocol/limits.ts';
import type { Frame } from '../../src/protocol/messages.ts';
import { FrameReader, encodeFrame, encodeMessage } from '../../src/transport/frames.ts';
import { decodeFrame } from '../helpers/decode-frame.ts';

/** What a reader gives for chunks of bytes; nothing more is read after an error. */
function read(
  chunks: readonly Buffer[],
  maxBytes = 1024 * 1024,
  reader = new FrameReader({ maxBytes, maxValues: 10_000 }),
) {
  const given: (Frame | ChimedError)[] = [];
  for (const chunk of chunks) {
    if (given.at(-1) instanceof ChimedError) break;
    given.push(...reader.read(chunk));
  }
  return { given, reader };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...edges, bytes.length].map((edge, index) => bytes.subarray(edges[index - 1] ?? 0, edge));
}

const frame = fc.record({
  type: fc.string({ unit: 'binary', minLength: 1 }),
  data: fc.jsonValue({ stringUnit: 'binary' }),
});

test('any frames, cut into chunks anywhere, come out whole and in order', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (frames, places) => {
        const bytes = Buffer.concat(frames.map(encodeFrame));
        const { given, reader } = read(cut(bytes, places));
        expect(given).toEqual(JSON.parse(JSON.stringify(frames)));
        expect(reader.unfinished).toBe(false);
      },
    ),
  );
});

test('any bytes at all are frames, or one violation at the end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
      const { given } = read(
        chunks.map((chunk) => Buffer.from(chunk.map((byte) => (byte % 5 === 0 ? 12 : byte)))),
      );
      const violations = given.filter((item) => item instanceof ChimedError);
      expect(violations.length).toBeLessThanOrEqual(1);
      if (violations.length === 1) expect(given.at(-1)).toBe(violations[0]);
    }),
  );
});

test('a message is encoded as JSON would', () => {
  const bytes = encodeMessage('host.load', JSON.stringify({ a: 'é\f' }), { seq: 7, time: 8 });
  expect(decodeFrame(bytes)).toEqual({ type: 'host.load', data: { a: 'é\f' }, seq: 7, time: 8 });
  expect(bytes.indexOf('\f')).toBe(bytes.length - 1);
});

describe('the size', () => {
  const sized = (bytes: number): Buffer => {
    const empty = encodeFrame({ type: 't', data: '' }).length - 1;
    return encodeFrame({
      type: 't',
      data: 'é'.repeat((bytes - empty) >> 1) + 'x'.repeat((bytes - empty) % 2),
    });
  };

  test('is counted in bytes, to the last one', () => {
    expect(sized(1000)).toHaveLength(1001);
    expect(read([sized(1000)], 1000).given).toMatchObject([{ type: 't' }]);
    expect(read([sized(1001)], 1000).given).toMatchObject([{ code: 'too-large' }]);
  });

  test('of what has no end is bounded', () => {
    const chunks = Array.from({ length: 100 }, () => Buffer.from('x'.repeat(100)));
    const { given, reader } = read(chunks, 1000);
    expect(given).toMatchObject([{ code: 'too-large' }]);
    expect(reader.heldBytes).toBeLessThanOrEqual(2 * 1100);
  });
});

describe('a violation', () => {
  test.each([
    ['nonsense', 'not-json'],
    ['{"type":"a"', 'not-json'],
    ['', 'not-json'],
    ['null', 'not-an-object'],
    ['[]', 'not-an-object'],
    ['"text"', 'not-an-object'],
    ['{}', 'bad-type'],
    ['{"type":null}', 'bad-type'],
    ['{"type":""}', 'bad-type'],
  ])('%s is %s, and what follows is not read', (text, code) => {
    const { given } = read([Buffer.from(`{"type":"before"}\f${text}\f{"type":"after"}\f`)]);
    expect(given).toMatchObject([{ type: 'before' }, { code }]);
  });

  test('repeats only the beginning of what came', () => {
    const { given } = read([Buffer.from(`${'x'.repeat(9000)}\f`)]);
    expect((given[0] as ChimedError).message).toMatch(/^.{1,200}$/);
  });
});

describe('an unfinished frame', () => {
  test('that dribbles in is copied a few times, and decoded once', () => {
    const whole = encodeFrame({ type: 'tick', data: 'é'.repeat(50_000) });
    const bytes = [...whole].map((byte) => Buffer.of(byte));
    const { given, reader } = read(bytes.slice(0, -1));
    expect(given).toEqual([]);
    expect(reader.unfinished).toBe(true);
    // Not as much again for each byte, nor an object for each.
    expect(reader.heldBytes).toBeLessThanOrEqual(2 * whole.length);
    expect(read(bytes.slice(-1), 0, reader).given).toEqual([decodeFrame(whole)]);
    expect(reader).toMatchObject({ unfinished: false, heldBytes: 0 });
  });

  test('does not begin with what is blank', () => {
    const { given, reader } = read([Buffer.from('{"type":"a"}\f\r\n'), Buffer.from('\n\t ')]);
    expect(given).toEqual([{ type: 'a' }]);
    expect(reader.unfinished).toBe(false);
    expect(read([Buffer.from('{"type":"b"}\f')], 1024, reader).given).toEqual([{ type: 'b' }]);
  });

  test('does not keep the memory of a large chunk that it ended', () => {
    const { reader } = read([Buffer.from(`${'{"type":"a"}\f'.repeat(5000)}{"type":`)]);
    expect(reader.unfinished).toBe(true);
    expect(reader.heldBytes).toBeLessThan(1200);
  });

  test('is not one while whole frames wait before it', () => {
    const reader = new FrameReader({ maxBytes: 1000 });
    reader.push(Buffer.from('{"type":"a"}\f{"type":'));
    expect(reader.next()).toEqual({ type: 'a' });
    expect(reader.unfinished).toBe(false);
    expect(reader.next()).toBeUndefined();
    expect(reader.unfinished).toBe(true);
  });
});

test('a frame stays bytes until it is asked for', () => {
  const parse = vi.spyOn(JSON, 'parse');
  const reader = new FrameReader({ maxBytes: 1000 });
  reader.push(Buffer.from('{"type":"a"}\f{"type":"b"}\f'));
  expect(parse).not.toHaveBeenCalled();
  expect(reader.next()).toEqual({ type: 'a' });
  expect(parse).toHaveBeenCalledOnce();
  parse.mockRestore();
});

describe('levels of arrays and objects in a frame', () => {
  const nested = (levels: number): string =>
    `{"type":"t","data":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}\f`;
  const codes = (text: string) => read([Buffer.from(text)]).given.map((item) => 'code' in item && item.code);

  test('may be 66: those of a payload, and two around it in a publication', () => {
    const value: unknown = JSON.parse(nested(10_000).slice(0, -1));
    expect(() => JSON.stringify(value)).toThrow(RangeError);
    expect(codes(nested(10_000))).toEqual(['too-large']);
    expect(codes(nested(67))).toEqual(['too-large']);
    expect(codes(nested(66))).toEqual([false]);
  });

  test('are not what a text says, nor what stands side by side', () => {
    expect(codes(`${JSON.stringify({ type: 't', data: `\\"${'['.repeat(3000)}` })}\f`)).toEqual([false]);
    expect(codes(`{"type":"t","data":[${'[],'.repeat(3000)}{}]}\f`)).toEqual([false]);
  });

  test('are bounded, and so are values, only where the peer is not trusted', () => {
    const many = `{"type":"t","data":[${'[],'.repeat(6000)}{}]}\f`;
    expect(codes(many)).toEqual(['too-large']);
    const trusting = new FrameReader({ maxBytes: 10 ** 6 });
    expect([...trusting.read(Buffer.from(many + nested(500)))]).toMatchObject([{ type: 't' }, { type: 't' }]);
  });
});

test('a client takes the largest payload of the topic with the longest name', () => {
  const rest = encodeMessage('x'.repeat(255), '', {
    seq: Number.MAX_SAFE_INTEGER,
    time: Number.MAX_SAFE_INTEGER,
    offset: Number.MAX_SAFE_INTEGER,
    instance: 'x'.repeat(100),
    stale: true,
  });
  expect(rest.length + LARGEST_PAYLOAD_BYTES).toBeLessThanOrEqual(LARGEST_FRAME_BYTES);
});
