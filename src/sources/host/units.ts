import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { messageOf } from '../../errors.ts';
import type { Source, SourceContext } from '../source.ts';
import { runSystemProgram } from '../processes/system-program.ts';
import type { Roots } from './roots.ts';

/** How many failed units are named. `states.failed` counts all. */
const MAX_NAMES = 200;
const command = ['systemctl', 'list-units', '--all', '--plain', '--no-legend', '--no-pager', '--full'];

/** The units of systemd by their states, and the names of those that have failed. */
export function unitsSource({ root }: Roots, context: SourceContext): Source {
  return {
    async sample(signal) {
      await assertSystemd(root);
      const output = await list(context, signal);
      const states: Record<string, number> = { active: 0, failed: 0 };
      const failed: string[] = [];
      for (const line of output.split('\n')) {
        const [unit, , state] = line.split(/ +/, 3);
        if (!unit || !state) continue;
        states[state] = (states[state] ?? 0) + 1;
        if (state === 'failed' && failed.length < MAX_NAMES) failed.push(unit);
      }
      return { failed, active: states['active'], states };
    },
  };
}

/** As sd_booted(3) does. */
async function assertSystemd(root: string): Promise<void> {
  try {
    await access(join(root, 'run/systemd/system'));
  } catch {
    throw new Error(
      'systemd is not running on this machine (no /run/systemd/system), so there are no units; remove the topic',
    );
  }
}

async function list(context: SourceContext, signal: AbortSignal): Promise<string> {
  try {
    return await runSystemProgram(command, context, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(
      `cannot list systemd's units: ${messageOf(error)}; check that \`systemctl list-units\` works for this user (it needs D-Bus)`,
      { cause: error },
    );
  }
}
