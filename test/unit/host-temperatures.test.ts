import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { readerOf, rootsIn, rootsOf } from '../helpers/host-reading.ts';

function addChip(folder: Folder, number: number, files: Record<string, string>): string {
  const chip = folder.file(`sys/class/hwmon/hwmon${number}`);
  mkdirSync(chip, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(chip, name), `${text}\n`);
  return chip;
}

test('temperatures are those of hwmon devices and thermal zones that can be read', async () => {
  expect(await readerOf('temperatures', rootsOf('arm64')).sample()).toEqual([
    { sensor: 'cpu_thermal: temp1', device: 'hwmon0', celsius: 48.2, high: null, critical: 110 },
    { sensor: 'rp1_adc: temp1', device: '1f000c8000.adc', celsius: 44.713, high: null, critical: null },
    { sensor: 'nvme: Composite', device: 'nvme0', celsius: 36.85, high: 82.85, critical: 84.85 },
    { sensor: 'nvme: Sensor 1', device: 'nvme0', celsius: -5.25, high: null, critical: null },
    { sensor: 'nvme: Sensor 9', device: 'nvme0', celsius: 40.85, high: null, critical: null },
    { sensor: 'nvme: Composite', device: 'nvme1', celsius: 31.85, high: null, critical: null },
    { sensor: 'lm90: temp1', device: '1-004c', celsius: 30, high: null, critical: null },
    { sensor: 'lm90: temp3', device: '1-004c', celsius: 31, high: null, critical: null },
    { sensor: 'cpu-thermal', device: 'thermal_zone0', celsius: 48.2, high: 95, critical: 110 },
  ]);
});

test('a machine without sensors has an empty list', async () => {
  expect(await readerOf('temperatures', rootsOf('vm')).sample(), 'only a cooling device').toEqual([]);
  expect(await readerOf('temperatures', rootsOf('container')).sample()).toEqual([]);
});

test('temperatures are read at each sample, and devices come and go', async () => {
  using folder = temporaryFolder();
  const first = addChip(folder, 0, { name: 'one', temp1_input: '20000' });
  const reader = readerOf('temperatures', rootsIn(folder.path));
  const sample = async () =>
    ((await reader.sample()) as { sensor: string; celsius: number }[]).map(
      (read) => `${read.sensor} ${read.celsius}`,
    );
  expect(await sample()).toEqual(['one: temp1 20']);
  writeFileSync(join(first, 'temp1_input'), '21500\n');
  const second = addChip(folder, 1, { name: 'two', temp1_input: '40000' });
  expect(await sample()).toEqual(['one: temp1 21.5', 'two: temp1 40']);
  // The other device gets the name that the first one had.
  renameSync(first, folder.file('gone'));
  renameSync(second, first);
  expect(await sample()).toEqual(['two: temp1 40']);
});

test('a driver that hangs costs its own sensor, and two cost the sample', async () => {
  using folder = temporaryFolder();
  const writers: number[] = [];
  const hang = (chip: string): string => {
    const input = join(chip, 'temp1_input');
    rmSync(input);
    execFileSync('mkfifo', [input]);
    writers.push(openSync(input, 'r+')); // It can be opened, and a read waits for what is never written.
    return input;
  };
  const files = { name: 'chip', temp1_input: '20000' };
  const first = hang(addChip(folder, 0, files));
  addChip(folder, 1, files);
  const reader = readerOf('temperatures', rootsIn(folder.path), { timeoutMs: 2500 });
  const working = [{ sensor: 'chip: temp1', device: 'hwmon1', celsius: 20, high: null, critical: null }];
  expect(await reader.sample()).toEqual(working);
  expect(await reader.sample(), 'does not wait for it again').toEqual(working);
  const second = hang(addChip(folder, 2, files));
  addChip(folder, 3, files);
  const error = reader.sample();
  await expect(error).rejects.toThrow(
    `it took longer than 2500 ms (timeout); files whose driver does not answer: ${first}, ${second}`,
  );
  for (const writer of writers) closeSync(writer);
});
