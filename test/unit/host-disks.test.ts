import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { expect, test } from 'vitest';

import { hostSource } from '../../src/sources/host.ts';
import { BlockingCalls } from '../../src/sources/host/blocking-calls.ts';
import { HostTree } from '../helpers/host-tree.ts';
import { sourceContext } from '../helpers/source-context.ts';

interface Disk {
  mount: string;
  device: string;
  type: string;
  readOnly: boolean;
  size: number;
  used: number;
  inodes: number;
  inodesUsed: number;
  error?: string;
}

const { signal } = new AbortController();

/** Samples with a directory for each of these mounts. */
async function disksOf(tree: HostTree, ...mounts: string[]): Promise<Disk[]> {
  for (const mount of mounts) tree.makeFolder(`root${mount}`);
  return (await tree.source('disks').sample(signal)) as Disk[];
}

test('disks has each local file system once, by its best mount', async () => {
  using tree = new HostTree('server');
  const mounts = ['/boot/efi', '/srv/My Data', '/archive', '/tank/vm', '/mnt/worn'];
  const disks = await disksOf(tree, ...mounts);
  expect(disks.map(({ mount, device, type, readOnly }) => [mount, device, type, readOnly])).toEqual([
    ['/', '/dev/mapper/vg0-root', 'ext4', false],
    ['/archive', '/dev/md127', 'btrfs', false],
    ['/boot', '/dev/sda2', 'ext4', false],
    ['/boot/efi', '/dev/sda1', 'vfat', false],
    ['/mnt/worn', '/dev/sdc1', 'ext4', true],
    ['/srv/My Data', '/dev/nvme0n1p1', 'xfs', false],
    ['/tank', 'tank', 'zfs', false],
    ['/tank/vm', 'tank/vm', 'zfs', false],
  ]);
  expect(disks.filter(({ error }) => error)).toEqual([]);
  const { blocks, bsize, files } = statfsSync(tree.roots.root);
  for (const { size, inodes } of disks) expect([size, inodes]).toEqual([blocks * bsize, files || null]);
});

test('disks of a container are its root, and what its host has mounted into it', async () => {
  using tree = new HostTree('container');
  const disks = await disksOf(tree, '/etc/hosts');
  expect(disks.map(({ mount, device }) => [mount, device])).toEqual([
    ['/', 'overlay'],
    ['/etc/hosts', '/dev/vda1'],
  ]);
});

test('disks of a small board are its card', async () => {
  using tree = new HostTree('arm64');
  const disks = await disksOf(tree, '/boot/firmware');
  expect(disks.map(({ mount }) => mount)).toEqual(['/', '/boot/firmware']);
});

test('a directory that cannot be reached has an error, and hides no other file system', async () => {
  using tree = new HostTree('arm64');
  const [, card] = await disksOf(tree, '/');
  expect(card).toEqual({
    mount: '/boot/firmware',
    device: '/dev/mmcblk0p1',
    type: 'vfat',
    readOnly: false,
    error: expect.stringMatching(/^ENOENT: no such file or directory, statfs /),
  });
});

test('a file system is read-only if it is so itself, not by a mount in a sandbox', async () => {
  using tree = new HostTree('arm64');
  tree.edit('proc/self/mountinfo', (text) => text.replace('/ / rw,noatime', '/ / ro,noatime'));
  expect(await disksOf(tree, '/')).toMatchObject([{ mount: '/', readOnly: false }, {}]);
  tree.edit('proc/self/mountinfo', (text) => text.replace('mmcblk0p2 rw', 'mmcblk0p2 ro'));
  expect(await disksOf(tree, '/')).toMatchObject([{ mount: '/', readOnly: true }, {}]);
});

test('disks are what df says', async ({ skip }) => {
  const options = ['--local', '--block-size=1', '--output=target,fstype,size,itotal,iused'];
  const { stdout } = spawnSync('df', [...options, '/'], { encoding: 'utf8' });
  const [mount, type, size, inodes, inodesUsed] = stdout.trim().split('\n')[1]!.split(/ +/);
  const disks = (await hostSource('disks', sourceContext('/')).sample(signal)) as Disk[];
  const found = disks.find((disk) => disk.mount === '/');
  if (!found) return skip(`/ is ${type} here, which disks leaves out`);
  expect(found).toMatchObject({ mount, type, size: Number(size), inodes: Number(inodes) || null });
  expect(Math.abs(found.inodesUsed - Number(inodesUsed))).toBeLessThan(10_000);
});

test('a call that hangs fails at the timeout, with the name of what hangs; another one waits its turn', async () => {
  const calls = new BlockingCalls();
  const { promise, resolve } = Promise.withResolvers<string>();
  const asked: string[] = [];
  const ask = (answer: Promise<string>) => (name: string) => {
    asked.push(name);
    return answer;
  };
  const nameOf = (name: string): string => name;
  await expect(calls.each(['a', 'b'], nameOf, ask(promise), { timeoutMs: 1, signal })).rejects.toThrow(
    'a does not answer: it took longer than 1 ms (timeout)',
  );
  await expect(calls.each(['c'], nameOf, ask(promise), { timeoutMs: 1, signal })).rejects.toThrow(
    'a does not answer: it took longer than 1 ms (timeout)',
  );
  const next = calls.each(['d', 'e'], nameOf, ask(promise), { timeoutMs: 60_000, signal });
  expect(asked).toEqual(['a']);
  resolve('answer');
  expect(await next).toEqual(['answer', 'answer']);
  expect(asked, 'nothing is asked for a sample that has failed').toEqual(['a', 'd', 'e']);
});
