import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where one temperature is read. */
export interface Sensor {
  sensor: string;
  device: string;
  /** File with thousandths of a degree Celsius. */
  input: string;
  /** File that says `1` while the sensor is broken. */
  fault?: string;
  high: number | null;
  critical: number | null;
}

/** Reads a small file; undefined if there is none, or it cannot be read. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** A folder below /sys/class that stands for one device, and how its sensors are found. */
export interface SensorFolder {
  /** Differs when another device gets the same name. */
  id: string;
  find(read: ReadText): Promise<Sensor[]>;
}

/** By the number in a name. Not by Intl.Collator, which takes 20 ms to load. */
function byNumber(one: string, other: string): number {
  return Number(/\d+/.exec(one)) - Number(/\d+/.exec(other));
}

/** The folders of hwmon devices and of thermal zones. Names are in the kernel's memory: no driver is asked. */
export function sensorFolders(sys: string): SensorFolder[] {
  return [
    ...foldersIn(join(sys, 'class/hwmon'), hwmonSensors),
    ...foldersIn(join(sys, 'class/thermal'), zoneSensors),
  ];
}

function foldersIn(
  parent: string,
  find: (folder: string, read: ReadText) => Promise<Sensor[]>,
): SensorFolder[] {
  const names = listed(parent).filter((name) => /^(hwmon|thermal_zone)\d+$/.test(name));
  return names.toSorted(byNumber).flatMap((name) => {
    const folder = join(parent, name);
    const inode = statSync(folder, { throwIfNoEntry: false })?.ino;
    return inode === undefined ? [] : [{ id: `${folder} ${inode}`, find: (read) => find(folder, read) }];
  });
}

/** Nothing if it is not there: many machines have no sensors, and devices go. */
function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function deviceOf(folder: string): string {
  try {
    return basename(readlinkSync(join(folder, 'device')));
  } catch {
    return basename(folder); // A device that is only in software.
  }
}

async function hwmonSensors(folder: string, read: ReadText): Promise<Sensor[]> {
  const files = new Set(listed(folder));
  const inputs = [...files].filter((file) => /^temp\d+_input$/.test(file)).toSorted(byNumber);
  if (inputs.length === 0) return [];
  const chip = (await read(join(folder, 'name'))) ?? basename(folder);
  const device = deviceOf(folder);
  const sensors: Sensor[] = [];
  for (const input of inputs) {
    const sensor = input.replace('_input', '');
    const path = (attribute: string): string => join(folder, `${sensor}_${attribute}`);
    const has = (attribute: string): boolean => files.has(`${sensor}_${attribute}`);
    const label = has('label') ? await read(path('label')) : undefined;
    sensors.push({
      sensor: `${chip}: ${label ?? sensor}`,
      device,
      input: path('input'),
      ...(has('fault') && { fault: path('fault') }),
      high: has('max') ? celsius(await read(path('max'))) : null,
      critical: has('crit') ? celsius(await read(path('crit'))) : null,
    });
  }
  return sensors;
}

async function zoneSensors(folder: string, read: ReadText): Promise<Sensor[]> {
  const device = basename(folder);
  const limits = new Map<string, number | null>();
  for (const file of listed(folder)) {
    if (!/^trip_point_\d+_type$/.test(file)) continue;
    const type = await read(join(folder, file));
    if (type === 'hot' || type === 'critical')
      limits.set(type, celsius(await read(join(folder, file.replace('_type', '_temp')))));
  }
  const sensor = (await read(join(folder, 'type'))) ?? device;
  const [high, critical] = [limits.get('hot') ?? null, limits.get('critical') ?? null];
  return [{ sensor, device, input: join(folder, 'temp'), high, critical }];
}

/** From thousandths of a degree; null if that is no number. */
export function celsius(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) / 1000 : null;
}
