import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

import { splayOf } from '../../src/config/splay.ts';
import { isTimezone } from '../../src/timezone.ts';
import { root } from '../helpers/program.ts';

test.each(['Europe/Berlin', 'UTC', '+05:30', '-03:00'])('%s is a time zone', (name) => {
  expect(isTimezone(name)).toBe(true);
});

test.each(['CET-1CEST,M3.5.0,M10.5.0/3', 'Mars/Olympus', '', 'local'])('%j is none', (name) => {
  expect(isTimezone(name)).toBe(false);
});

/** What a process of this time zone doubts. */
function doubtIn(TZ: string): string {
  const script = `import { timezoneDoubt } from './src/config/timezone-doubt.ts'; console.log(timezoneDoubt());`;
  const options = { cwd: root, env: { ...process.env, TZ }, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], options).stdout.trim();
}

test.each(['Europe/Berlin', 'UTC', 'Asia/Kolkata', 'America/St_Johns', ''])(
  'of a machine in %j nothing is doubted',
  (zone) => {
    expect(doubtIn(zone)).toBe('undefined');
  },
);

test('of a zone in the way of POSIX it is said that Node does not know it', () => {
  expect(doubtIn('XYZ-1XYS,M3.5.0,M10.5.0/3')).toMatch(
    /^cron and align use the time zone .*, but other programs on this machine use another: TZ is "XYZ-1XYS,M3\.5\.0,M10\.5\.0\/3"; set timezone to a name/,
  );
});

test.each(['', 'foo/bar'])('of a machine in %j, which has no name, the times are those of UTC', (TZ) => {
  const script = `import { machineTimezone } from './src/timezone.ts'; console.log(machineTimezone());`;
  const options = { cwd: root, env: { ...process.env, TZ }, encoding: 'utf8' } as const;
  expect(spawnSync(process.execPath, ['--input-type=module', '--eval', script], options).stdout).toBe(
    'UTC\n',
  );
});

test('a splay is the same for the same topic, and spreads topics', () => {
  const delays = Array.from({ length: 1000 }, (_, index) => splayOf(`t${index}`, 10_000));
  expect(splayOf('t7', 10_000)).toBe(delays[7]);
  for (const delay of delays) expect(delay).toBe(Math.min(Math.max(Math.floor(delay), 0), 9999));
  const tenths = new Set(delays.map((delay) => Math.floor(delay / 1000)));
  expect(tenths.size).toBe(10);
});
