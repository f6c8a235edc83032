import { PYTHON, programPath, python } from './watchers.ts';
import type { Watchers } from './watchers.ts';

/** What people write without a daemon: each program runs the command itself. */
export const shellPollers: Watchers = {
  name: 'sh: each runs it',
  baseline: 'sh: each runs it',
  program: (_, command) => ['sh', programPath('pollers/poll.sh'), ...command],
};

export const nodePollers: Watchers = {
  name: 'Node: each runs it',
  baseline: 'Node: each runs it',
  program: (_, command) => [process.execPath, programPath('pollers/poll.mjs'), ...command],
};

export const pythonPollers: Watchers = {
  name: 'Python: each runs it',
  baseline: 'Python: each runs it',
  needs: [python],
  program: (_, command) => [PYTHON, programPath('pollers/poll.py'), ...command],
};
