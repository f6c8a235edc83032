import { expect, test } from 'vitest';

import { HostTree } from '../helpers/host-tree.ts';

const { signal } = new AbortController();

test('the first sample of the CPU is since boot, and the next ones since the one before', async () => {
  using tree = new HostTree('arm64');
  const { sample } = tree.source('cpu');
  tree.edit('proc/stat', (text) => text.replace(/^cpu .*$/m, 'cpu  100 20 60 700 20 40 30 10 20 5'));
  const states = { user: 0.082, nice: 0.015, system: 0.061, idle: 0.714, iowait: 0.02, irq: 0.041 };
  expect(await sample(signal)).toEqual({
    busy: 0.265,
    states: { ...states, softirq: 0.031, steal: 0.01, guest: 0.026 },
    cores: [0.062, 0.061, null, 0.061],
  });
  tree.edit('proc/stat', (text) =>
    text
      .replace(/^cpu .*$/m, 'cpu  130 20 60 765 20 40 30 15 20 5')
      .replace(/^cpu0 .*$/m, 'cpu0 13424 0 4011 270757 670 0 401 0 0 0')
      .replace(/^cpu1 .*$/m, 'cpu1 13403 0 4011 270738 710 0 100 0 0 0'),
  );
  expect(await sample(signal)).toEqual({
    busy: 0.35,
    states: {
      user: 0.3,
      nice: 0,
      system: 0,
      idle: 0.65,
      iowait: 0,
      irq: 0,
      softirq: 0,
      steal: 0.05,
      guest: 0,
    },
    cores: [0.2, 0, null, null],
  });
});

test('the states of the CPU add up to 1: the time of guests counts once', async () => {
  using tree = new HostTree('server');
  const { sample } = tree.source('cpu');
  const { states } = (await sample(signal)) as { states: Record<string, number> };
  expect(Object.values(states).reduce((sum, share) => sum + share)).toBeCloseTo(1, 2);
  expect(states['guest']).toBeCloseTo(310_044 / 63_503_026, 3);
});

test('the CPU has no shares of no time', async () => {
  using tree = new HostTree('vm');
  const { sample } = tree.source('cpu');
  await sample(signal);
  expect(await sample(signal)).toEqual({ busy: null, states: null, cores: [null, null] });
});

test('a core is null until two samples have had it', async () => {
  using tree = new HostTree('arm64');
  const { sample } = tree.source('cpu');
  const cores = async (): Promise<unknown> => ((await sample(signal)) as { cores: unknown }).cores;
  expect(await cores()).toEqual([0.062, 0.061, null, 0.061]);
  const later = (core: number): string => `cpu${core} 23404 0 4011 280678 671 0 100 0 0 0`;
  tree.edit('proc/stat', (text) => text.replace(/^cpu3 .*$/m, `${later(2)}\n${later(3)}`));
  expect(await cores()).toEqual([null, null, null, 0.5]);
  tree.edit('proc/stat', (text) =>
    text.replace(/^cpu2 .*$/m, 'cpu2 23404 0 4011 280778 671 0 100 0 0 0').replace(/^cpu3 .*\n/m, ''),
  );
  expect(await cores(), 'core 3 is offline').toEqual([null, null, 0]);
});

test('an idle counter that falls makes no share below 0', async () => {
  using tree = new HostTree('container');
  const { sample } = tree.source('cpu');
  await sample(signal);
  tree.edit('proc/stat', (text) =>
    text.replace(/^cpu .*$/m, 'cpu  2203351 1203 802114 30112033 40201 90122 30114 12044 0 0'),
  );
  expect(await sample(signal)).toMatchObject({ busy: 1, states: { user: 1, iowait: 0 } });
});

test('a file without CPUs fails the sample, with its path', async () => {
  using tree = new HostTree('vm');
  tree.write('proc/stat', 'btime 1\n');
  await expect(tree.source('cpu').sample(signal)).rejects.toThrow(
    `cannot read ${tree.file('proc/stat')}: it has no line for all CPUs`,
  );
});
