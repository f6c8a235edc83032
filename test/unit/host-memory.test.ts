import { freemem, totalmem } from 'node:os';
import { expect, test } from 'vitest';

import { readerOf, rootsOf } from '../helpers/host-reading.ts';

const KIB = 1024;

test('memory of this machine is in bytes, and what is not free is used', async () => {
  const { total, free, used } = (await readerOf('memory').sample()) as Record<string, number>;
  expect(total).toBe(totalmem());
  expect(free! + used!).toBe(total);
  expect(Math.abs(free! - freemem())).toBeLessThan(total! / 2);
});

test('caches and swap are those of /proc/meminfo', async () => {
  expect(await readerOf('memory', rootsOf('vm')).sample()).toMatchObject({
    cached: 2_788_896 * KIB,
    buffers: 131_460 * KIB,
    shared: 11_680 * KIB,
    swap: { total: 998_396 * KIB, used: 46_848 * KIB },
  });
  expect(await readerOf('memory', rootsOf('arm64')).sample()).toMatchObject({
    swap: { total: 204_784 * KIB, used: 0 },
  });
});

test('a machine without swap has 0 bytes of it', async () => {
  expect(await readerOf('memory', rootsOf('container')).sample()).toMatchObject({
    buffers: 0,
    swap: { total: 0, used: 0 },
  });
});
