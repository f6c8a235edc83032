import { spawnSync } from 'node:child_process';

import { systemProcess, systemProgram } from '../linux/programs.ts';
import { machineTimezone } from '../timezone.ts';

/**
 * Whether Node's idea of the machine's time is another than that of the system's programs. It is for a `TZ` of the form
 * that POSIX has (`CET-1CEST,M3.5.0,M10.5.0/3`), of which Node makes UTC, and if one of them has no table of time zones.
 * @returns what is wrong and what to do, or undefined.
 */
export function timezoneDoubt(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const year = new Date().getUTCFullYear();
  const times = [Date.UTC(year, 0, 1), Date.UTC(year, 6, 1)]; // Both sides of daylight-saving time.
  const script = times.map((time) => `date -d @${time / 1000} +%z`).join('; ');
  const { stdout } = spawnSync(systemProgram('sh'), ['-c', script], {
    ...systemProcess,
    env: { ...systemProcess.env, TZ: env['TZ'] },
    encoding: 'utf8',
  });
  const offsets = (stdout ?? '').match(/[+-]\d{4}/g) ?? [];
  if (
    offsets.length !== times.length ||
    offsets.every((offset, index) => offset === nodeOffset(times[index]!))
  )
    return undefined;
  const { TZ } = env;
  const cause = TZ ? `TZ is ${JSON.stringify(TZ)}` : '/etc/localtime is not a zone that Node knows';
  return `cron and align use the time zone ${machineTimezone()}, but other programs on this machine use another: ${cause}; set timezone to a name such as Europe/Berlin`;
}

/** As `date +%z` says it. */
function nodeOffset(time: number): string {
  const minutes = -new Date(time).getTimezoneOffset();
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}${String(rest).padStart(2, '0')}`;
}
