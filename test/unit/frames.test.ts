import { StringDecoder } from 'node:string_decoder';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ChimedError } from '../../src/errors.ts';
import { FRAME, FrameParser, decodeFrame, encodeFrame, encodeMessage } from '../../src/transport/frames.ts';
import type { ReadState } from '../../src/transport/frames.ts';

interface Event {
  type: string;
  data: unknown;
}

/** Feeds chunks of bytes to a parser, as a socket with an encoding does. */
function parse(chunks: readonly Buffer[], maxBytes = 1024 * 1024): { events: Event[]; state: ReadState } {
  const parser = new FrameParser(maxBytes);
  const decoder = new StringDecoder('utf8');
  const events: Event[] = [];
  let state: ReadState = '';
  for (const chunk of chunks) {
    const text = decoder.write(chunk);
    if (text !== '') state = parser.read(state, text, (event) => events.push(event));
  }
  return { events, state };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const edges = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...edges, bytes.length].map((edge, index) => bytes.subarray(edges[index - 1] ?? 0, edge));
}

const frame = fc.record({
  type: fc.string({ unit: 'binary' }),
  data: fc.jsonValue({ stringUnit: 'binary' }),
});

test('any frames, cut into chunks anywhere, come out whole and in order', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (frames, places) => {
        const bytes = Buffer.concat(frames.map(encodeFrame));
        const { events, state } = parse(cut(bytes, places));
        expect(events.map(({ type }) => type)).toEqual(frames.map(() => FRAME));
        expect(events.map(({ data }) => data)).toEqual(JSON.parse(JSON.stringify(frames)));
        expect(state).toBe('');
      },
    ),
  );
});

test('any bytes at all are frames, or one violation at the end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
      const { events } = parse(
        chunks.map((chunk) => Buffer.from(chunk.map((byte) => (byte % 5 === 0 ? 12 : byte)))),
      );
      const violations = events.filter(({ type }) => type !== FRAME);
      expect(violations.length).toBeLessThanOrEqual(1);
      if (violations.length === 1) expect(events.at(-1)).toBe(violations[0]);
    }),
  );
});

test('a message is encoded as JSON would', () => {
  const bytes = encodeMessage('host.load', JSON.stringify({ a: 'é\f' }), 7, 8);
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
    expect(parse([sized(1000)], 1000).events).toMatchObject([{ type: FRAME }]);
    expect(parse([sized(1001)], 1000).events).toMatchObject([{ data: { code: 'too-large' } }]);
  });

  test('of what has no end is bounded', () => {
    const chunks = Array.from({ length: 100 }, () => Buffer.from('x'.repeat(100)));
    const { events } = parse(chunks, 1000);
    expect(events).toMatchObject([{ data: { code: 'too-large' } }]);
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
  ])('%s is %s, and what follows is dropped', (text, code) => {
    const parser = new FrameParser(1000);
    const events: Event[] = [];
    const receive = (event: Event): void => void events.push(event);
    let state = parser.read('', `{"type":"before"}\f${text}\f{"type":"after"}\f`, receive);
    state = parser.read(state, '{"type":"later"}\f', receive);
    expect(events).toHaveLength(2);
    expect((events[1]!.data as ChimedError).code).toBe(code);
  });

  test('is not what a listener throws: that is ours to hear of', () => {
    const broken = (): never => {
      throw new Error('ours');
    };
    expect(() => new FrameParser(1000).read('', '{"type":"a"}\f', broken)).toThrow('ours');
  });
});
