import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';

import { adoptedChildren } from '../../src/linux/orphans.ts';

const CHILDREN = 100;

test.runIf(process.platform === 'linux')(
  'the event loop goes on while many children are looked at',
  async () => {
    const all = Array.from({ length: CHILDREN }, () => spawn('sleep', ['60'], { stdio: 'ignore' }));
    try {
      let turns = 0;
      const count = (): void => {
        turns++;
        next = setImmediate(count);
      };
      let next = setImmediate(count);
      const seen = new Set<number>();
      for await (const child of adoptedChildren()) if (!child.ended) seen.add(child.pid);
      clearImmediate(next);
      expect(all.filter(({ pid }) => !seen.has(pid!))).toEqual([]);
      expect(turns).toBeGreaterThanOrEqual(CHILDREN / 20 - 1);
    } finally {
      for (const child of all) child.kill('SIGKILL');
    }
  },
);
