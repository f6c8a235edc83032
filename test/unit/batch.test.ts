import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { Batch } from '../../src/daemon/delivery/delivery.ts';

const frames = Array.from({ length: 6 }, (_, index) => Buffer.from(`frame ${index};`));

/** Gives each frame to those who are to hear it, one after the other, as topics do. */
function deliver(audiences: readonly (readonly boolean[])[]): Batch[] {
  const empty = Batch.empty();
  const batches = audiences.map(() => empty);
  for (const [index, frame] of frames.entries()) {
    for (const [client, hears] of audiences.entries()) {
      if (hears[index]) batches[client] = batches[client]!.with(frame);
    }
  }
  return batches;
}

test('a batch is the frames that were added, in order, and those who were given the same have the same', () => {
  const audience = fc.array(fc.boolean(), { minLength: frames.length, maxLength: frames.length });
  fc.assert(
    fc.property(fc.array(audience, { minLength: 1, maxLength: 8 }), (audiences) => {
      const batches = deliver(audiences);
      for (const [client, batch] of batches.entries()) {
        const expected = Buffer.concat(frames.filter((_, index) => audiences[client]![index]));
        expect(String(batch.bytes)).toBe(String(expected));
        expect(batch.byteLength).toBe(expected.length);
      }
    }),
  );
  const [one, two, other] = deliver([
    [true, true, false, true, false, true],
    [true, true, false, true, false, true],
    [false, true, false, true, false, true],
  ]);
  expect(two).toBe(one);
  expect(other).not.toBe(one);
});

test('bytes are joined once, and a single frame is not copied at all', () => {
  const one = Batch.empty().with(frames[0]!);
  expect(one.bytes).toBe(frames[0]);
  const two = one.with(frames[1]!);
  expect(two.bytes).toBe(two.bytes);
});

test('one that somebody waits for keeps no frames in memory beside its bytes, once the turn is over', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const empty = Batch.empty();
  const { waiting, gone } = gathered(empty);
  waiting.hold();
  empty.end();
  // A WeakRef keeps what it refers to until the turn of the event loop is over.
  await new Promise(setImmediate);
  collect();
  expect(gone.filter((frame) => frame.deref())).toEqual([]);
  expect(String(waiting.bytes)).toBe('mine; and mine;');
});

/** A client hears two frames, and others hear the first of these and frames that they alone hear. */
function gathered(empty: Batch): { waiting: Batch; gone: WeakRef<Buffer>[] } {
  const all = ['mine;', ' and mine;', 'before;', 'behind;', 'last;'].map((text) => Buffer.from(text));
  const [mine, andMine, before, behind, last] = all as [Buffer, Buffer, Buffer, Buffer, Buffer];
  empty.with(before).with(mine);
  const first = empty.with(mine);
  const waiting = first.with(andMine);
  first.with(behind);
  empty.with(last);
  expect(waiting.bytes).toHaveLength(15);
  return { waiting, gone: all.map((frame) => new WeakRef(frame)) };
}
