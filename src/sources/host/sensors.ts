import { readdir, readlink, stat } from 'node:fs/promises';
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

const numerically = new Intl.Collator('en', { numeric: true });

/** The folders of hwmon devices and of thermal zones. Asks no driver. */
export async function sensorFolders(sys: string): Promise<SensorFolder[]> {
  return [
    ...(await foldersIn(join(sys, 'class/hwmon'), hwmonSensors)),
    ...(await foldersIn(join(sys, 'class/thermal'), zoneSensors)),
  ];
}

async function foldersIn(
  parent: string,
  find: (folder: string, read: ReadText) => Promise<Sensor[]>,
): Promise<SensorFolder[]> {
  const names = (await readdir(parent).catch(() => [])).filter((name) =>
    /^(hwmon|thermal_zone)\d+$/.test(name),
  );
  const folders: SensorFolder[] = [];
  for (const name of names.toSorted(numerically.compare)) {
    const folder = join(parent, name);
    const inode = (await stat(folder).catch(() => undefined))?.ino;
    if (inode !== undefined) folders.push({ id: `${folder} ${inode}`, find: (read) => find(folder, read) });
  }
  return folders;
}

async function hwmonSensors(folder: string, read: ReadText): Promise<Sensor[]> {
  const files = new Set(await readdir(folder).catch(() => []));
  const inputs = [...files].filter((file) => /^temp\d+_input$/.test(file)).toSorted(numerically.compare);
  if (inputs.length === 0) return [];
  const chip = (await read(join(folder, 'name'))) ?? basename(folder);
  const device = basename(await readlink(join(folder, 'device')).catch(() => folder));
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
  for (const file of await readdir(folder).catch(() => [])) {
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
