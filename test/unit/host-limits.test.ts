import { expect, test } from 'vitest';

import { HostTree } from '../helpers/host-tree.ts';

const { signal } = new AbortController();

test('pressure is in percent, and totals in seconds', async () => {
  using tree = new HostTree('server');
  expect(await tree.source('pressure').sample(signal)).toEqual({
    cpu: { some: { avg10: 1.22, avg60: 0.88, avg300: 0.31, total: 812.033412 } },
    memory: {
      some: { avg10: 0, avg60: 0, avg300: 0, total: 0.120334 },
      full: { avg10: 0, avg60: 0, avg300: 0, total: 0.110022 },
    },
    io: {
      some: { avg10: 12.5, avg60: 8.01, avg300: 2.44, total: 4021.103345 },
      full: { avg10: 11.02, avg60: 7.5, avg300: 2.1, total: 3802.211034 },
    },
    irq: { full: { avg10: 0.01, avg60: 0, avg300: 0, total: 0.020334 } },
  });
});

test('pressure has no interrupts where the kernel does not measure them', async () => {
  using tree = new HostTree('vm');
  expect(Object.keys((await tree.source('pressure').sample(signal)) as object)).toEqual([
    'cpu',
    'memory',
    'io',
  ]);
});

test.each(['container', 'arm64'] as const)('pressure fails on %s, whose kernel has none', async (machine) => {
  using tree = new HostTree(machine);
  await expect(tree.source('pressure').sample(signal)).rejects.toThrow(
    /^this kernel does not measure pressure .* psi=1/,
  );
});

test('files are the open ones of the machine, and their limits', async () => {
  using tree = new HostTree('container');
  expect(await tree.source('files').sample(signal)).toEqual({
    open: 2048,
    max: 1_048_576,
    inodes: 116_313,
    inotify: { maxWatches: 8192, maxInstances: 128, maxQueuedEvents: 16_384 },
  });
});

test('files have no maximum where systemd has lifted it, and no limits of inotify without it', async () => {
  using tree = new HostTree('arm64');
  expect(await tree.source('files').sample(signal)).toEqual({
    open: 1120,
    max: null,
    inodes: 19_932,
    inotify: { maxWatches: null, maxInstances: null, maxQueuedEvents: null },
  });
});

test('a file that is not there fails the sample, with its path', async () => {
  using tree = new HostTree('vm');
  tree.roots.proc = tree.file('nothing');
  await expect(tree.source('files').sample(signal)).rejects.toThrow(
    `ENOENT: no such file or directory, open '${tree.file('nothing/sys/fs/file-nr')}'; this reading needs a Linux kernel`,
  );
});
