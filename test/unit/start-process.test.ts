import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';

import type * as startProcesses from '../../src/sources/processes/start-process.ts';
import type { Program } from '../../src/sources/processes/started-process.ts';

const { signal } = new AbortController();

/** Starts a shell script, and gathers what it says. */
async function startScript(
  startProcess: typeof startProcesses.startProcess,
  script: string,
  more: Partial<Program> = {},
) {
  const said = { stdout: '', stderr: '', channel: '' };
  const program = {
    file: '/bin/sh',
    argv: ['/bin/sh', '-c', script],
    env: { WORD: 'two words', NONE: undefined },
    stdout: (bytes: Buffer) => void (said.stdout += String(bytes)),
    stderr: (bytes: Buffer) => void (said.stderr += String(bytes)),
    ...more,
    ...(more.channel && { channel: (bytes: Buffer) => void (said.channel += String(bytes)) }),
  };
  const started = await startProcess(program, signal);
  const { pid, exited, closed } = started;
  return {
    pid,
    exited,
    closed,
    said,
    send: (text: string) => started.send(text),
    closeOutput: () => started.closeOutput(),
  };
}

/** The ways to start a process: by libc, and by Node, where libc cannot be called. */
describe.each(['libc', 'Node'])('a process that %s starts', async (way) => {
  vi.resetModules();
  if (way === 'Node')
    vi.doMock('../../src/linux/spawn.ts', () => {
      throw new Error('there is no koffi for this machine');
    });
  const { isAnyStarting, startProcess } = await import('../../src/sources/processes/start-process.ts');

  const start = (script: string, more: Partial<Program> = {}) => startScript(startProcess, script, more);

  test('says what it has to say, and how it ended', async () => {
    const { said, exited, closed } = await start('echo "$WORD $#"; echo why >&2; exit 7');
    await closed;
    expect(said).toEqual({ stdout: 'two words 0\n', stderr: 'why\n', channel: '' });
    expect(await exited).toEqual({ code: 7, signal: null });
  });

  test('is told which signal has ended it', async () => {
    const { exited } = await start('kill -TERM $$');
    expect(await exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('has a session of its own, in the root directory, and no input', async () => {
    const { pid, said, closed } = await start('cut -d" " -f5,6 /proc/$$/stat; pwd; cat; env | grep -c .');
    await closed;
    expect(said.stdout.split('\n').slice(0, 2)).toEqual([`${pid} ${pid}`, '/']);
  });

  test('has all signals as they are by default', async () => {
    const { said, closed } = await start('grep -E "^Sig(Blk|Ign)" /proc/self/status');
    await closed;
    const none = '0'.repeat(16);
    expect(said.stdout).toBe(`SigBlk:\t${none}\nSigIgn:\t${none}\n`);
  });

  test('has a connection with us at descriptor 3', async () => {
    const { said, send, exited, closed } = await start('read line <&3; echo "heard $line" >&3', {
      channel: () => {},
    });
    send('this\n');
    await closed;
    expect(said.channel).toBe('heard this\n');
    expect(await exited).toEqual({ code: 0, signal: null });
  });

  test('is closed when its output is', async () => {
    let over = false;
    const { exited, closed, closeOutput } = await start('sleep 60 & exit');
    void closed.then(() => (over = true));
    await exited;
    expect(over).toBe(false);
    closeOutput();
    await closed;
  });

  test('leaves time for the event loop, though it writes without end', async () => {
    /** How often each turn of the event loop has read. */
    const turns = [0];
    const { pid, closed, closeOutput } = await start('exec yes', {
      stdout() {
        for (const end = performance.now() + 0.5; performance.now() < end;);
        turns[turns.length - 1]!++;
      },
    });
    while (turns.reduce((one, other) => one + other) < 20) {
      await setImmediate();
      turns.push(0);
    }
    const [most, idle] = [Math.max(...turns), turns.filter((reads) => reads === 0).length];
    process.kill(pid, 'SIGKILL');
    closeOutput();
    await closed;
    expect(most, 'reads in one turn').toBeLessThanOrEqual(2);
    expect(idle, 'turns without reads').toBeGreaterThan(5);
  });

  test('that cannot be started says why', async () => {
    const failure = start('true', { env: { MUCH: 'x'.repeat(200_000) } });
    await expect(failure).rejects.toThrow('E2BIG');
    expect(isAnyStarting()).toBe(false);
  });

  test('is not started once it is no longer needed', async () => {
    const reason = new Error('no longer needed');
    const program = { file: '/bin/sh', argv: ['/bin/sh'], env: {}, stdout() {}, stderr() {} };
    await expect(startProcess(program, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  test('has ended, however many are started at once', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, (_, index) => start(`echo ${index}`)));
    await Promise.all(many.map(({ closed }) => closed));
    expect(many.map(({ said }) => said.stdout)).toEqual(many.map((_, index) => `${index}\n`));
    for (const { exited } of many) expect(await exited).toEqual({ code: 0, signal: null });
  });

  vi.doUnmock('../../src/linux/spawn.ts');
});

test('a process that libc starts may open its output by name', async () => {
  vi.resetModules();
  const { startProcess } = await import('../../src/sources/processes/start-process.ts');
  const { said, closed } = await startScript(startProcess, 'echo this > /dev/stdout');
  await closed;
  expect(said.stdout).toBe('this\n');
});
