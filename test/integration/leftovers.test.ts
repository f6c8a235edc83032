import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { childrenOf, isAlive } from '../helpers/processes.ts';

const PATIENCE = { interval: 20, timeout: 10_000 };

/** Has the topic run once more: a first client wakes it. */
async function sample(daemon: TestDaemon, topic = 't'): Promise<unknown> {
  using client = await daemon.raw();
  return (await client.send(topic).frame(topic)).data;
}

async function ended(pid: number): Promise<void> {
  await vi.waitUntil(() => !isAlive(pid), PATIENCE);
}

/** Children of a process that have ended and have not been reaped. */
function zombies(parent: number): number[] {
  return childrenOf(parent).filter((pid) => /^\d+ \(.*\) Z/s.test(readStat(pid)));
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

const interval = '1h';
const untilReady = 'until [ -e ready ]; do sleep 0.01; done';

describe
  .skipIf(process.platform !== 'linux')
  .concurrent('what a command leaves behind is ended with it', () => {
    test.each([
      ['in a session of its own', 'setsid sleep 3600 & echo $!'],
      [
        'in a session of its own, its parents gone',
        `(setsid sh -c 'echo $$; : > ready; sleep 3600 >/dev/null; :' &) ; ${untilReady}`,
      ],
      [
        'without its environment',
        `(env -i setsid sh -c 'echo $$; : > ready; exec sleep 3600' &) ; ${untilReady}`,
      ],
      [
        'that has left others behind when it is ended',
        `(setsid sh -c '(setsid sh -c "echo \\$\\$; : > ready; sleep 3600; :" &) ; sleep 3600' &); ${untilReady}`,
      ],
    ])('%s', async (_, command) => {
      await using daemon = await startDaemon({ topics: { t: { interval, command } } });
      const pid = Number(await sample(daemon));
      expect(pid).toBeGreaterThan(1);
      await ended(pid);
    });

    test('were it a hundred processes in sessions of their own', async () => {
      const command = 'for i in $(seq 100); do setsid sleep 3600 & echo $!; done';
      await using daemon = await startDaemon({ topics: { t: { interval, command, format: 'lines' } } });
      const pids = (await sample(daemon)) as string[];
      expect(pids).toHaveLength(100);
      for (const pid of pids) await ended(Number(pid));
    });

    test('when it is ended at its timeout', async () => {
      const command = `echo $$ > a; (setsid sh -c 'echo $$ > b; sleep 3600' &); sleep 3600`;
      await using daemon = await startDaemon({ topics: { t: { interval, command, timeout: '1s' } } });
      using client = await daemon.raw();
      client.send('t');
      await daemon.logged('source is failing');
      for (const name of ['a', 'b']) await ended(Number(readFileSync(daemon.folder.file(name), 'utf8')));
    });

    test('when the daemon ends', async () => {
      const command = `(setsid sh -c 'echo $$ > b; exec sleep 3600' &); sleep 3600`;
      const seen = { interval: '20ms', command: 'cat b' };
      await using daemon = await startDaemon({ topics: { t: { interval, command }, seen } });
      using client = await daemon.raw();
      const { data: pid } = await client.send('t').send('seen').frame('seen');
      await daemon.program.kill('SIGTERM').ended;
      expect(isAlive(Number(pid))).toBe(false);
    });

    test('and not what belongs to a run of another topic', async () => {
      const long = `setsid sh -c 'echo $$ > b; exec sleep 3600' & wait`;
      const seen = { interval: '20ms', command: 'cat b' };
      await using daemon = await startDaemon({ topics: { t: { interval, command: long }, seen } });
      using client = await daemon.raw();
      await client.send('t').send('seen').messages('seen', 5);
      expect(isAlive(Number(readFileSync(daemon.folder.file('b'), 'utf8')))).toBe(true);
    });

    test('and leaves no zombies, from itself or in a pipeline', async () => {
      const command = `(setsid sh -c 'sleep 0.01' &) ; (setsid sleep 3600 &) ; true | (sleep 3600 &) ; echo 1`;
      await using daemon = await startDaemon({ topics: { t: { interval: '20ms', command } } });
      using client = await daemon.raw();
      await client.send('t').messages('t', 10);
      client.socket.end();
      await client.closed;
      await vi.waitUntil(() => zombies(daemon.program.pid).length === 0, PATIENCE);
    });
  });
