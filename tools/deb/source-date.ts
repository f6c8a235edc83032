import { spawnSync } from 'node:child_process';

import { PACKAGE } from '../../src/service/layout.ts';

/** The time that the packages carry, in seconds: $SOURCE_DATE_EPOCH, or that of the last commit. @throws without either. */
export function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined) {
    if (/^\d+$/.test(given)) return Number(given);
    throw new Error(`SOURCE_DATE_EPOCH must be a number of seconds, not ${JSON.stringify(given)}`);
  }
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], {
    cwd: PACKAGE,
    encoding: 'utf8',
  });
  if (status === 0) return Number(stdout);
  throw new Error(
    `${PACKAGE} is not a git checkout; set SOURCE_DATE_EPOCH to the time that the packages are to carry`,
  );
}
