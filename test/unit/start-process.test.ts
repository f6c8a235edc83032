import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';

import type { Program } from '../../src/sources/start-process.ts';

/** The ways to start a process: by libc, and by Node, where libc cannot be called. */
describe.each(['libc', 'Node'])('a process that %s starts', async (way) => {
  vi.resetModules();
  const { lookForExits, startByLibc, startProcess } = await import('../../src/sources/start-process.ts');
  if (way === 'libc') await startByLibc();
  process.on('SIGCHLD', lookForExits);

  const start = (script: string, more: Partial<Program> = {}) =>
    startProcess({
      file: '/bin/sh',
      argv: ['/bin/sh', '-c', script],
      env: { WORD: 'two words', NONE: undefined },
      channel: false,
      ...more,
    });

  test('says what it has to say, and how it ended', async () => {
    const { stdout, stderr, exited, closed } = start('echo "$WORD $#"; echo why >&2; exit 7');
    const said = await Promise.all([text(stdout!), text(stderr!)]);
    expect(said).toEqual(['two words 0\n', 'why\n']);
    expect(await exited).toEqual({ code: 7, signal: null });
    await closed;
  });

  test('is told which signal has ended it', async () => {
    const { exited } = start('kill -TERM $$');
    expect(await exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('has a session of its own, in the root directory, and no input', async () => {
    const { pid, stdout } = start('cut -d" " -f5,6 /proc/$$/stat; pwd; cat; env | grep -c .');
    const lines = (await text(stdout!)).split('\n');
    expect(lines.slice(0, 2)).toEqual([`${pid} ${pid}`, '/']);
  });

  test('has all signals as they are by default', async () => {
    const { stdout } = start('grep -E "^Sig(Blk|Ign)" /proc/self/status');
    const none = '0'.repeat(16);
    expect(await text(stdout!)).toBe(`SigBlk:\t${none}\nSigIgn:\t${none}\n`);
  });

  test('has a connection with us at descriptor 3', async () => {
    const { channel, exited, closed } = start('read line <&3; echo "heard $line" >&3', { channel: true });
    channel!.write('this\n');
    expect(await text(channel!)).toBe('heard this\n');
    expect(await exited).toEqual({ code: 0, signal: null });
    await closed;
  });

  test('is closed when its output is, also if nobody reads it', async () => {
    let over = false;
    const { stdout, exited, closed } = start('head -c 1000000 /dev/zero & sleep 60 & exit');
    void closed.then(() => (over = true));
    await exited;
    expect(over).toBe(false);
    stdout!.destroy();
    const { pid, ...rest } = start('head -c 1000000 /dev/zero & kill -9 $$');
    await rest.closed;
    expect(pid).toBeGreaterThan(0);
  });

  test('that cannot be started has not begun, and says why', async () => {
    const { pid, stdout, exited, closed } = start('true', { env: { MUCH: 'x'.repeat(200_000) } });
    expect(await exited).toEqual({ failure: expect.stringContaining('E2BIG') });
    expect(pid).toBe(0);
    await closed;
    expect(stdout?.destroyed ?? true).toBe(true);
  });
});

test('a process that libc starts may open its output by name', async () => {
  vi.resetModules();
  const { startByLibc, startProcess } = await import('../../src/sources/start-process.ts');
  await startByLibc();
  const { stdout } = startProcess({
    file: '/bin/sh',
    argv: ['/bin/sh', '-c', 'echo this > /dev/stdout'],
    env: {},
    channel: false,
  });
  expect(await text(stdout!)).toBe('this\n');
});
