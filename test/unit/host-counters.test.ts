import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { HostTree } from '../helpers/host-tree.ts';

const { signal } = new AbortController();

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

test('io has each whole disk that has done something, without rates at first', async () => {
  using tree = new HostTree('server');
  const io = (await tree.source('io').sample(signal)) as Record<string, { rates: unknown; totals: unknown }>;
  expect(Object.keys(io)).toEqual(['nvme0n1', 'sda', 'dm-0', 'md127']);
  expect(io['sda']).toEqual({
    rates: null,
    totals: {
      readBytes: 9_120_334 * 512,
      writtenBytes: 20_334_112 * 512,
      reads: 120_331,
      writes: 402_110,
      busy: 301.122,
    },
  });
});

test.each([
  ['vm', ['vda']],
  ['container', ['vda']],
  ['arm64', ['mmcblk0']],
] as const)('io reads the counters of %s', async (machine, disks) => {
  using tree = new HostTree(machine);
  expect(Object.keys((await tree.source('io').sample(signal)) as object)).toEqual(disks);
});

test('io has rates per second, whatever the clock on the wall does', async () => {
  using tree = new HostTree('arm64');
  const { sample } = tree.source('io');
  await sample(signal);
  vi.advanceTimersByTime(4000);
  vi.setSystemTime(0);
  tree.edit('proc/diskstats', (text) =>
    text.replace(
      /mmcblk0 .*/,
      'mmcblk0 20115 8022 1802342 60221 12053 9022 602274 120334 0 81221 180555 0 0 0 0 402 110',
    ),
  );
  const { mmcblk0 } = (await sample(signal)) as Record<string, { rates: unknown }>;
  expect(mmcblk0!.rates).toEqual({
    readBytes: 1024,
    writtenBytes: 20_480,
    reads: 0.25,
    writes: 5,
    busy: 0.25,
  });
});

test('two topics have rates of their own', async () => {
  using tree = new HostTree('vm');
  const [one, other] = [tree.source('network'), tree.source('network')];
  await one.sample(signal);
  vi.advanceTimersByTime(1000);
  expect(await other.sample(signal)).toMatchObject({ eth0: { rates: null } });
  expect(await one.sample(signal)).toMatchObject({ eth0: { rates: { receivedBytes: 0 } } });
});

test('network has rates, totals, errors and the state of each interface', async () => {
  using tree = new HostTree('server');
  const { sample } = tree.source('network');
  const first = (await sample(signal)) as Record<string, object>;
  expect(Object.keys(first)).toEqual(['lo', 'eno1', 'eno2', 'docker0', 'wg0']);
  expect(first['eno1']).toEqual({
    up: true,
    state: 'up',
    speed: 10_000_000_000,
    rates: null,
    totals: {
      receivedBytes: 812_033_412_021,
      receivedPackets: 602_113_344,
      receiveErrors: 3,
      receiveDropped: 12_044,
      sentBytes: 402_110_334_120,
      sentPackets: 501_233_440,
      sendErrors: 0,
      sendDropped: 0,
    },
  });
  expect(first['eno2']).toMatchObject({ up: true, state: 'down', speed: null });
  expect(first['wg0']).toMatchObject({ state: 'unknown', totals: { sendErrors: 1, sendDropped: 2 } });
  vi.advanceTimersByTime(2000);
  tree.edit('proc/net/dev', (text) =>
    text.replace(
      /eno1: .*/,
      'eno1: 812033512021 602113345 3 12044 0 3 0 2011233 402110334120 501233440 0 0 0 0 0 0',
    ),
  );
  expect(await sample(signal)).toMatchObject({
    eno1: { rates: { receivedBytes: 50_000, receivedPackets: 0.5, sentBytes: 0, receiveErrors: 0 } },
  });
});

test('an interface that was made again has no rates until the next sample', async () => {
  using tree = new HostTree('server');
  const { sample } = tree.source('network');
  await sample(signal);
  vi.advanceTimersByTime(1000);
  tree.edit('proc/net/dev', (text) =>
    text.replace(/wg0: .*/, 'wg0: 148 1 0 0 0 0 0 0 9000000 9000 1 2 0 0 0 0'),
  );
  expect(await sample(signal)).toMatchObject({ wg0: { rates: null }, eno1: { rates: {} } });
  vi.advanceTimersByTime(1000);
  expect(await sample(signal)).toMatchObject({ wg0: { rates: { receivedBytes: 0 } } });
});

test.each([
  ['container', { lo: { state: 'unknown' }, eth0: { up: true, state: 'up', speed: null } }],
  ['arm64', { lo: { up: true }, wlan0: { state: 'up', speed: null, totals: { receiveDropped: 4 } } }],
  ['vm', { ifb0: { up: false, state: 'down' }, eth0: { speed: null } }],
] as const)('network reads the interfaces of %s', async (machine, interfaces) => {
  using tree = new HostTree(machine);
  expect(await tree.source('network').sample(signal)).toMatchObject(interfaces);
});

test('an interface that /sys does not have has no state', async () => {
  using tree = new HostTree('vm');
  tree.edit('proc/net/dev', (text) => text.replace('ifb0:', '__proto__:'));
  const network = (await tree.source('network').sample(signal)) as object;
  expect(Object.getOwnPropertyDescriptor(network, '__proto__')?.value).toMatchObject({
    up: null,
    state: null,
    rates: null,
  });
});

test('a counter file of another format fails the sample, with what it has', async () => {
  using tree = new HostTree('vm');
  tree.write('proc/net/dev', 'Inter-| Receive\n lo: 1 2 3\n');
  await expect(tree.source('network').sample(signal)).rejects.toThrow(
    `cannot read ${tree.file('proc/net/dev')}: expected 16 numbers, found "1 2 3"`,
  );
});
