import { expect, test, vi } from 'vitest';

import { FrameParser, encodeFrame } from '../../src/transport/frames.ts';
import type { ReadState } from '../../src/transport/frames.ts';

const parser = new FrameParser(10_000);
const letters = [...encodeFrame({ type: 'tick', data: 'x'.repeat(1000) }).toString()];
const read = (state: ReadState, text: string) => parser.read(state, text, () => {});

test('a frame that dribbles in is kept in pieces, and joined and decoded once', () => {
  const decode = vi.spyOn(parser, 'decode');
  const unfinished = read('', letters[0]!);
  for (const letter of letters.slice(1, -1)) expect(read(unfinished, letter)).toBe(unfinished);
  expect(unfinished).toHaveProperty('pieces', letters.slice(0, -1));
  expect(decode).not.toHaveBeenCalled();
  expect(read(unfinished, '\f')).toBe('');
  expect(decode).toHaveBeenCalledOnce();
});

test('each unfinished frame is an object of its own, so that its age can be told', () => {
  const first = read('', '{"type":');
  const second = read(first, '"a"}\f{"type":');
  expect(second).not.toBe(first);
  expect(second).toHaveProperty('pieces', ['{"type":']);
});

test('a violation repeats only the beginning of what came', () => {
  expect(() => parser.decode('x'.repeat(9000))).toThrow(/^.{1,200}$/);
});
