import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { Program, chimed, cli } from '../helpers/program.ts';

const topics = {
  tick: { interval: '50ms', data: { n: 42 } },
  evil: { interval: '50ms', data: '\u001b[2J\u009b31m\u202eabc' },
  raid: { interval: '50ms', command: 'echo md0 is degraded >&2; exit 1' },
  secret: { interval: '50ms', data: 'psst', access: { subscribe: ['root'] } },
};

let daemon: TestDaemon;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  daemon = await startDaemon({ socket: { mode: '0666' }, topics }, { level: 'debug' }); // All lines, also those that are too many.
  chmodSync(daemon.folder.path, 0o755);
  env = { CHIMED_SOCKET_PATH: daemon.socket };
});

afterAll(() => daemon[Symbol.asyncDispose]());

describe.concurrent('chimed top --once', () => {
  test('prints topics with rate, value and trend, errors in full, and clients', async () => {
    const { exitCode, stdout, stderr } = await chimed(['top', '--once', '--interval', '500ms'], { env });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^chimed \S+ connected, up /);
    expect(stdout).toMatch(/^messages \S+\/s, sent to clients \S+\/s, missed \S+\/s, failing 1$/m);
    expect(stdout).toMatch(/^tick +50ms +[1-9]\S*\/s \{"n":42\} +▁+ +0s /m);
    expect(stdout).toMatch(/^raid +50ms +\S+\/s failing: the command exited/m);
    expect(stdout).toMatch(/^raid is failing: the command exited with 1: md0 is degraded$/m);
    expect(stdout).toMatch(/^ +\d+ chimed top +\d+ +\d+ > /m);
    expect(stdout).toContain('\\x1b[2J\\x9b31m\\u202eabc');
    expect(stdout, 'no colour, and nothing else that commands a terminal').not.toMatch(/[^\n\P{Cc}]|\u202e/u);
  });

  test('shows the topics that were asked for, sorted', async () => {
    const { stdout } = await chimed(['top', 'tick', 'raid', '--once', '--sort', 'failed', '-i', '100ms'], {
      env,
    });
    expect(stdout).toMatch(/, 2 topics$/m);
    expect(stdout).toMatch(/^topics by failed$/m);
    const [raid, tick, evil] = ['raid', 'tick', 'evil'].map((topic) =>
      stdout.search(new RegExp(`^${topic} `, 'm')),
    );
    expect(raid).toBeGreaterThan(0);
    expect(tick).toBeGreaterThan(raid!);
    expect(evil).toBe(-1);
  });

  test('prints no colours with --no-color, even if they are forced', async () => {
    const forced = { ...env, FORCE_COLOR: '1', NO_COLOR: undefined };
    const [colored, plain] = await Promise.all(
      [[], ['--no-color']].map((option) =>
        chimed(['top', '--once', '-i', '100ms', ...option], { env: forced }),
      ),
    );
    expect(colored!.stdout).toContain('\u001b[');
    expect(plain!.stdout).toMatch(/^chimed \S+ connected/);
    expect(plain!.stdout).not.toContain('\u001b[');
  });

  test('shows another user only the topics that this user may hear', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('SKIPPED: only root can become another user');
    const args = JSON.stringify(['', 'chimed', 'top', '--once', '-i', '200ms']);
    const become = `process.setuid(65534); process.argv = ${args}; await import(${JSON.stringify(cli)});`;
    await using program = new Program(['--input-type=module', '--eval', become], env);
    expect(await program.ended, program.output.stderr).toBe(0);
    expect(program.output.stdout).toMatch(/^tick .*\{"n":42\}/m);
    expect(program.output.stdout).not.toMatch(/secret|psst/);
  });

  test('ends at once when it is interrupted', async () => {
    await using program = new Program([cli, 'top', '--once', '--interval', '1h'], env);
    await daemon.log.find(({ msg, pid }) => msg === 'client registered' && pid === program.pid);
    expect(await program.kill('SIGINT').ended).toBe(0);
  });
});

describe.concurrent('chimed top', () => {
  test('says what to use where there is no terminal', async () => {
    const { exitCode, stdout, stderr } = await chimed(['top'], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' });
    expect(stderr).toBe(
      'error: chimed top needs a terminal that it can draw on. Use --once, or chimed status --watch.',
    );
  });

  test.each([
    [['--interval', '99ms'], 64, /a duration from 100ms to 1h, such as 500ms or 2s/],
    [['--sort', 'colour'], 64, /Allowed choices are name, rate, age, late, failed, clients/],
    [['--once', 'a b'], 64, /"a b" is neither a topic nor a pattern/],
    [['--once', 'nope'], 1, /there is no topic nope; there is evil, raid, secret, tick/],
  ])('with %j exits with %i and says why', async (args, code, message) => {
    const { exitCode, stdout, stderr } = await chimed(['top', ...args], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('--help says that it wakes topics', async () => {
    const { stdout } = await chimed(['top', '--help']);
    expect(stdout).toMatch(/topics that nobody\s+else\s+listens to wake up/);
  });
});
