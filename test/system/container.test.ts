import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { Program, cli, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';

const PATIENCE = { interval: 50, timeout: 30_000 };

const reason =
  process.getuid?.() !== 0
    ? 'a pid namespace needs root'
    : ['unshare', 'nsenter'].every(has)
      ? undefined
      : 'there is no unshare or nsenter';
if (reason) console.warn(`SKIPPED, container.test.ts tests nothing: ${reason}`);

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

test.skipIf(reason)(
  'as pid 1 of a container, the daemon reaps every process that nobody else does',
  async () => {
    using folder = temporaryFolder();
    const command = '(setsid sleep 3600 &); echo 1';
    const config = { topics: { t: { interval: '50ms', always: true, command } } };
    writeFileSync(folder.file('c.yaml'), JSON.stringify(config));
    const serve = [
      process.execPath,
      cli,
      'serve',
      '--config',
      folder.file('c.yaml'),
      '--socket',
      folder.file('s'),
    ];
    const argv = ['--pid', '--fork', '--mount-proc', '--kill-child', ...serve, '--log-format', 'json'];
    await using container = new Program(argv, {}, root, 'unshare');
    await container.stdout.find((line) => line.includes('"listening"'));
    const [daemon] = childrenOf(container.pid);
    // What `docker exec` does: its orphans become children of pid 1.
    const enter = [
      '--target',
      String(daemon),
      '--pid',
      '--mount',
      'sh',
      '-c',
      '(sleep 0.2 &); (sleep 0.2 &)',
    ];
    execFileSync('nsenter', enter, { stdio: 'ignore' });
    const states = (): string[] =>
      childrenOf(daemon!).map((pid) => {
        try {
          return `${pid} ${/^\d+ \((.*)\) (.)/s
            .exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))!
            .slice(1)
            .join(' ')}`;
        } catch {
          return '';
        }
      });
    const seen = new Set<string>();
    await vi.waitUntil(() => {
      for (const state of states()) if (state.endsWith(' Z')) seen.add(state);
      return seen.size > 5; // The test itself has shown that there are some.
    }, PATIENCE);
    await vi.waitUntil(() => !states().some((state) => seen.has(state)), PATIENCE);
    expect(seen.size).toBeGreaterThan(5);
  },
);
