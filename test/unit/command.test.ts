import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { sourceProcesses } from '../../src/linux/family.ts';
import { commandSource } from '../../src/sources/command.ts';
import { sourceEnvironment } from '../../src/sources/environment.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { isAnyStarting } from '../../src/sources/processes/start-process.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { isAlive } from '../helpers/processes.ts';
import { root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { sourceContext } from '../helpers/source-context.ts';

vi.mock('node:child_process', { spy: true });

const PATIENCE = { interval: 5, timeout: 10_000 };

let folder: Folder;
let wanted: AbortController;

beforeEach(() => {
  folder = temporaryFolder();
  wanted = new AbortController();
  return () => folder[Symbol.dispose]();
});
afterEach(() => {
  vi.useRealTimers();
});

async function run(
  command: string | string[],
  options: Partial<SourceContext> = {},
  { signal } = wanted,
): Promise<unknown> {
  return commandSource({ command }, sourceContext(folder.path, options)).sample(signal);
}

/** Runs a script in a process of its own, which may be limited. */
function inProcess(script: string, limit = ':') {
  const context = JSON.stringify({ timeoutMs: 20_000, maxBytes: 10, directory: folder.path });
  const begin = `
    import fs from 'node:fs';
    import { commandSource } from ${JSON.stringify(join(root, 'src/sources/command.ts'))};
    const source = (command) => commandSource({ command }, ${context}).sample(new AbortController().signal);`;
  const argv = ['-c', `${limit} && exec "$0" --input-type=module --eval "$1"`, process.execPath];
  return spawnSync('/bin/sh', [...argv, begin + script], { encoding: 'utf8' });
}

/** Waits until a command under way has written a file. */
async function written(name: string): Promise<string> {
  const file = folder.file(name);
  await vi.waitUntil(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), PATIENCE);
  return readFileSync(file, 'utf8').trim();
}

/** The processes that have a text in their arguments. */
function running(mark: string): string[] {
  const { stdout } = spawnSync('pgrep', ['-f', mark], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean);
}

async function hasEnded(pid: number): Promise<void> {
  await vi.waitUntil(() => !isAlive(pid), PATIENCE);
}

test.runIf(process.platform === 'linux')(
  'a command is started by another thread than the one that ticks',
  async () => {
    const failure = run('echo $$ > pid; exec sleep 60');
    const pid = await written('pid');
    const ofMain = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ');
    wanted.abort();
    await expect(failure).rejects.toThrow('it is no longer needed');
    expect(ofMain).not.toContain(pid);
    expect(spawn).not.toHaveBeenCalled();
  },
);

test('a command yields to the ticks, by itself and as a session', async () => {
  const own = Number(spawnSync('nice', { encoding: 'utf8' }).stdout);
  const lower = `until [ "$(nice)" -eq ${Math.min(own + 10, 19)} ]; do :; done; nice`;
  expect(await run(lower)).toBe(Math.min(own + 10, 19));
  // Only root may always say so, see sched(7), and not every kernel has it.
  if (process.getuid?.() !== 0 || !existsSync('/proc/self/autogroup')) return;
  await run("until grep -q 'nice 10' /proc/self/autogroup; do :; done");
});

describe('the payload', () => {
  test.each([
    ['JSON', 'echo \'{"a": [1, null]}\'', { a: [1, null] }],
    ['a number', 'echo 5', 5],
    ['text', 'echo hello', 'hello'],
    ['text of lines', 'printf "a\\nb\\n\\n"', 'a\nb\n'],
    ['half of JSON, as text', 'echo "{"', '{'],
    ['nothing', 'true', ''],
    ['a version, as text', 'echo 61e9540', '61e9540'],
    ['a large number, as text', 'echo 12345678901234567890', '12345678901234567890'],
    ['text after a byte order mark', 'printf "\\357\\273\\277{}"', {}],
    ['what comes on standard output alone', 'echo out; echo err >&2', 'out'],
    ['a character that comes in two halves', 'printf "\\303"; sleep 0.05; printf "\\251"', 'é'],
  ])('may be %s', async (_, command, payload) => {
    expect(await run(command)).toEqual(payload);
  });

  test('may be what a monitoring plugin says, whose exit code is no failure', async () => {
    const critical = commandSource(
      { command: 'echo "DISK CRITICAL|/=99%"; exit 2', format: 'nagios' },
      sourceContext(folder.path),
    );
    expect(await critical.sample(wanted.signal)).toEqual({
      status: 'CRITICAL',
      exit: 2,
      text: 'DISK CRITICAL',
      perfdata: { '/': { value: 99, unit: '%' } },
    });
    const broken = commandSource(
      { command: 'echo no such plugin >&2; exit 127', format: 'nagios' },
      sourceContext(folder.path),
    );
    await expect(broken.sample(wanted.signal)).rejects.toThrow('exited with 127: no such plugin');
  });

  test('fails if it is none of its format', async () => {
    const number = commandSource({ command: 'echo many', format: 'number' }, sourceContext(folder.path));
    await expect(number.sample(wanted.signal)).rejects.toThrow('it is not a number: "many"');
  });

  test('of a list of arguments is of these, as they are, without a shell', async () => {
    expect(await run(['printf', '[%s]', '$HOME *', ';', "'"])).toBe("[$HOME *][;][']");
  });

  test('of a text is what /bin/sh makes of it', async () => {
    expect(await run('A=b; echo $A | tr b c')).toBe('c');
  });

  test('is made in the directory of the configuration', async () => {
    expect(await run('pwd')).toBe(realpathSync(folder.path));
  });

  test('may have exactly maxBytes', async () => {
    expect(await run("printf '%010d' 7", { maxBytes: 10 })).toBe('0000000007');
    await expect(run("printf '%011d' 7", { maxBytes: 10 })).rejects.toThrow('more than 10 bytes');
  });
});

describe('a run fails', () => {
  test.each([
    ['exits with another code than 0', 'echo half; exit 3', 'the command exited with 3'],
    ['says why', 'echo first >&2; echo "no such disk" >&2; exit 1', 'exited with 1: no such disk'],
    ['is killed', 'kill -KILL $$', 'the command was ended by SIGKILL'],
    ['is not there', ['/not/there'], 'the command cannot be run: there is no file /not/there'],
    ['is no program', ['/dev/null'], 'the command cannot be run: permission denied to execute /dev/null'],
  ])('if the command %s', async (_, command, message) => {
    await expect(run(command)).rejects.toThrow(message);
  });

  test('with the end of what it said, and not with all of it', async () => {
    const failure = run('head -c 1000000 /dev/zero | tr "\\0" x >&2; exit 1');
    await expect(failure).rejects.toThrow(/^the command exited with 1: x{100,300}$/);
  });

  test('when no descriptors are left, and the daemon lives', () => {
    const { stdout, stderr } = inProcess(
      `const sample = () => source('true').then(() => 'ran', (error) => error.message);
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {}
      const first = await sample();
      taken.forEach((fd) => fs.closeSync(fd));
      console.log(first, '/', await sample());`,
      'ulimit -n 64',
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/EMFILE.* \/ ran\n/);
  });
});

describe('a run is ended', () => {
  test('when it takes longer than its timeout', async () => {
    const failure = run('echo $$ > pid; exec sleep 60', { timeoutMs: 100 });
    await expect(failure).rejects.toThrow('it took longer than 100 ms');
    await hasEnded(Number(await written('pid')));
  });

  test('when it prints more than maxBytes, were it without end', async () => {
    await expect(run('echo $$ > pid; exec yes')).rejects.toThrow('it printed more than 1000 bytes');
    await hasEnded(Number(await written('pid')));
    await expect(run('head -c 104857600 /dev/zero')).rejects.toThrow('it printed more than 1000 bytes');
  });

  test('when it is no longer needed', async () => {
    const failure = run('echo $$ > pid; exec sleep 60');
    const pid = Number(await written('pid'));
    wanted.abort();
    await expect(failure).rejects.toThrow('it is no longer needed');
    await hasEnded(pid);
  });

  test('and may use the time it is given to end well', async () => {
    const failure = run(`trap 'echo well > how; exit' TERM; echo > started; sleep 60 & wait`);
    await written('started');
    wanted.abort();
    await expect(failure).rejects.toThrow();
    expect(await written('how')).toBe('well');
  });

  test('by force, with all its processes, if it ignores that for two seconds', async () => {
    const script = `trap '' TERM; sleep 60 & echo $$ $! > pids; wait`;
    const failure = run(script);
    const pids = (await written('pids')).split(' ').map(Number);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    wanted.abort();
    vi.advanceTimersByTime(1999);
    expect(pids.map(isAlive)).toEqual([true, true]);
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    await expect(failure).rejects.toThrow('it is no longer needed');
    await Promise.all(pids.map(hasEnded));
  });
});

describe.runIf(process.platform === 'linux')('a command that is still to be started', () => {
  /** Has all of libuv's threads wait until a pipe is written to. */
  async function holdThreads(): Promise<() => Promise<void>> {
    const pipe = folder.file('pipe');
    spawnSync('mkfifo', [pipe]);
    const opened = Array.from({ length: 4 }, () => open(pipe, 'r'));
    return async () => {
      const writer = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
      for (const file of await Promise.all(opened)) await file.close();
      closeSync(writer);
    };
  }

  test('is ended as soon as it has begun, if its start cannot be undone', async () => {
    const release = await holdThreads();
    const failure = run('sleep 60', { topic: 'begun' });
    await vi.waitUntil(isAnyStarting, PATIENCE);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // No time passes, so that SIGTERM has to do.
    const ended = expect(failure).rejects.toThrow('it is no longer needed');
    wanted.abort();
    await release();
    await ended;
    expect(isAnyStarting()).toBe(false);
    expect(sourceProcesses()).toEqual([]);
  });

  test('is never started if it waits for others, and the others are', async () => {
    const release = await holdThreads();
    const others = ['a', 'b', 'c', 'd'].map((topic) =>
      run(`echo ${topic}`, { topic }, new AbortController()),
    );
    await vi.waitUntil(isAnyStarting, PATIENCE);
    const failure = run('echo > started', { topic: 'waiting' });
    await setImmediate();
    wanted.abort();
    await expect(failure).rejects.toThrow('it is no longer needed');
    expect(isAnyStarting(), 'the others still wait for a thread').toBe(true);
    await release();
    expect(await Promise.all(others)).toEqual(['a', 'b', 'c', 'd']);
    expect(existsSync(folder.file('started'))).toBe(false);
  });

  test('takes no longer than its timeout, and then leaves nothing', async () => {
    const release = await holdThreads();
    const failure = run('sleep 60', { topic: 'late', timeoutMs: 50 });
    await expect(failure).rejects.toThrow('it took longer than 50 ms (timeout)');
    expect(isAnyStarting()).toBe(true);
    await release();
    await vi.waitUntil(() => !isAnyStarting() && sourceProcesses().length === 0, PATIENCE);
  });

  test('leaves nothing when this process exits meanwhile', async () => {
    const mark = `chimed-test-${randomUUID()}`;
    const [pipe, exiting] = ['pipe', 'exiting'].map(folder.file) as [string, string];
    spawnSync('mkfifo', [pipe]);
    const { status, stderr } = inProcess(`
      import { spawn } from 'node:child_process';
      import { isAnyStarting } from ${JSON.stringify(join(root, 'src/sources/processes/start-process.ts'))};
      for (let count = 0; count < 4; count++) fs.open('${pipe}', 'r', () => {}); // All of libuv's threads wait.
      spawn('sh', ['-c', 'until [ -e ${exiting} ]; do :; done; echo > ${pipe}'], { stdio: 'ignore' });
      source('sleep 60; : ${mark}').catch(() => {});
      process.prependListener('exit', () => {
        if (isAnyStarting()) fs.writeFileSync('${exiting}', '');
      });
      process.on('exit', () => console.error(isAnyStarting() ? 'is starting' : 'has started'));
      setInterval(() => isAnyStarting() && process.exit(3), 1);`);
    expect({ status, stderr }).toEqual({ status: 3, stderr: 'has started\n' });
    expect(running(mark)).toEqual([]);
  });
});

describe('what a command leaves behind', () => {
  test('is not the command itself, when the daemon exits without waiting for it', async () => {
    inProcess(`
      void source("trap '' TERM; echo $$ > pid; sleep 60");
      setInterval(() => fs.existsSync('${folder.file('pid')}') && process.exit(1), 5);`);
    const pid = Number(await written('pid'));
    try {
      await hasEnded(pid);
    } finally {
      if (isAlive(pid)) process.kill(-pid, 'SIGKILL');
    }
  });

  test('in its group is ended with it', async () => {
    const pid = (await run('sleep 60 & echo $!')) as number;
    await hasEnded(pid);
  });

  test.runIf(has('setsid'))('in a session of its own cannot hold the run up by its output', async () => {
    const leaveGroup = `setsid sh -c 'echo > left; exec sleep 60' & while ! [ -e left ]; do sleep 0.01; done`;
    const pid = (await run(`${leaveGroup}; echo $!`)) as number;
    try {
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(pid);
    }
  });
});

describe('a program that cannot be run is told of by', () => {
  /** Runs a file with this content and mode. */
  async function runFile(content: string, mode = 0o755): Promise<unknown> {
    writeFileSync(folder.file('x.sh'), content, { mode });
    return run([folder.file('x.sh')]);
  }

  test.each([
    [
      'the CR LF of its first line',
      '#!/bin/sh\r\necho 1\r\n',
      0o755,
      /x\.sh: its interpreter \/bin\/sh\\r does not exist: the first line ends with CR LF; convert the file with dos2unix$/,
    ],
    [
      'its missing interpreter',
      '#!/no/such/perl -w\n',
      0o755,
      /x\.sh: its interpreter \/no\/such\/perl does not exist/,
    ],
    [
      'its mode',
      '#!/bin/sh\necho 1\n',
      0o644,
      /permission denied to execute .*x\.sh; set its mode with chmod \+x/,
    ],
    [
      'what it is, if it is no program of this machine',
      '\x7fELF\x02\x01\x01',
      0o755,
      /Syntax error|cannot execute|not found|Exec format/,
    ],
  ])('%s', async (_, content, mode, message) => {
    await expect(runFile(content, mode)).rejects.toThrow(message);
  });

  test.each([
    ['a directory', ['/tmp'], /cannot be run: \/tmp is a directory$/],
    [
      'a name that is in no directory of PATH',
      ['no-such-program'],
      /there is no program no-such-program in .*bin.* \(PATH\)$/,
    ],
  ])('%s', async (_, argv, message) => {
    await expect(run(argv)).rejects.toThrow(message);
  });

  test('the same when a shell runs it', async () => {
    writeFileSync(folder.file('x.sh'), '#!/bin/sh\r\n', { mode: 0o755 });
    await expect(run('./x.sh --option')).rejects.toThrow(
      /exited with 127: it cannot be run: \.\/x\.sh: its interpreter \/bin\/sh\\r/,
    );
    await expect(run('./y.sh')).rejects.toThrow(
      /exited with 127: it cannot be run: there is no file \.\/y\.sh/,
    );
    await expect(run('exit 127')).rejects.toThrow(/^the command exited with 127$/);
  });

  test('the directory that cannot be entered', async () => {
    await expect(run('pwd', { directory: '/not/there' })).rejects.toThrow(
      'cannot be run: it cannot enter its directory /not/there',
    );
  });

  test('and 126 and 127 of a program that was run are its own', async () => {
    await expect(run(['/bin/sh', '-c', 'echo mine >&2; exit 127'])).rejects.toThrow('exited with 127: mine');
  });
});

test('the environment of a command is documented, and has nothing of the service manager, Node or npm', async () => {
  const unwanted = [
    'NOTIFY_SOCKET',
    'INVOCATION_ID',
    'JOURNAL_STREAM',
    'CREDENTIALS_DIRECTORY',
    'MEMORY_PRESSURE_WATCH',
    'NODE_OPTIONS',
    'npm_config_x',
    'CHIMED_CONFIG',
    'STATE_DIRECTORY',
    'SECRET',
  ];
  const env = {
    HOME: '/h',
    LC_TIME: 'C',
    TZ: 'UTC',
    ...Object.fromEntries(unwanted.map((name) => [name, '1'])),
  };
  expect(sourceEnvironment('a.b', env)).toEqual({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/h',
    LC_TIME: 'C',
    TZ: 'UTC',
    CHIMED_TOPIC: 'a.b',
  });
  const seen = String(await run('env'))
    .split('\n')
    .map((line) => line.split('=')[0]!);
  expect(seen.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).toSorted()).toEqual(
    Object.keys(sourceEnvironment('t')).toSorted(),
  );
});

test('the environment and the directory of a command may be its own', async () => {
  mkdirSync(folder.file('inner'));
  const source = commandSource(
    {
      command: 'echo "$GREETING, $CHIMED_TOPIC, $LC_ALL"; pwd',
      env: { GREETING: 'good day', LC_ALL: 'C' },
      directory: 'inner',
    },
    sourceContext(folder.path, { topic: 'host.x' }),
  );
  const inner = realpathSync(folder.file('inner'));
  expect(await source.sample(wanted.signal)).toBe(`good day, host.x, C\n${inner}`);
});

test('a source can be run again, whatever became of the last run', async () => {
  const source = commandSource({ command: 'cat value' }, sourceContext(folder.path));
  await expect(source.sample(wanted.signal)).rejects.toThrow('exited with 1');
  spawnSync('sh', ['-c', 'echo 7 > value'], { cwd: folder.path });
  expect(await source.sample(wanted.signal)).toBe(7);
});
