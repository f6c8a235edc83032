import { rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Client } from '../../src/client/api.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Program, chimed, cli } from '../helpers/program.ts';

/** Names of topics, one for each test that publishes. */
const names = [
  'shop.price',
  'plain',
  'one',
  'two',
  'changes',
  'host.load',
  'faults',
  'state',
  'slow',
  'stubborn',
  'fails',
  'many',
  'large',
  'script',
  'ends',
  'killed',
  'hung-up',
  'counted',
  'environment',
  'left',
  'marker',
  'backlog',
] as const;

let daemon: TestDaemon;
let client: Client;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const topics = Object.fromEntries(names.map((name) => [name, { publish: true }]));
  // At debug, no line about so many clients of one user is left out.
  const log = { level: 'debug' };
  daemon = await startDaemon({ log, clients: { requestsPerSecond: 100_000 }, topics });
  client = daemon.connect();
  env = { CHIMED_SOCKET_PATH: daemon.socket };
});

afterAll(async () => {
  await client.close();
  await daemon[Symbol.asyncDispose]();
});

/** Starts `chimed on …`, and waits until the daemon has registered it. */
async function on(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Program> {
  const program = new Program([cli, 'on', ...args], { ...env, ...variables });
  await daemon.log.find(({ msg, pid }) => msg === 'client registered' && pid === program.pid);
  return program;
}

async function publish(topic: (typeof names)[number], ...payloads: unknown[]): Promise<void> {
  for (const data of payloads) await client.publish(topic, data);
}

/** Shell: says which message has started it, and waits until the test releases that run. `$0` is a folder. */
const WAIT = `gate=$0/$CHIMED_TOPIC.$CHIMED_SEQ; mkfifo "$gate"
echo "start $CHIMED_TOPIC $CHIMED_SEQ $CHIMED_SKIPPED"; read -r _ < "$gate"; echo end`;

/** Lets a run of `WAIT` go on. */
async function release({ path }: Folder, run: string): Promise<void> {
  const gate = await open(`${path}/${run}`, 'w'); // Waits for the run to read it.
  await gate.write('go\n');
  await gate.close();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.concurrent('chimed on', () => {
  test('gives the command the data on stdin and the rest in its environment', async () => {
    const show =
      'read -r data; echo "$CHIMED_TOPIC $CHIMED_SEQ $CHIMED_TIME $CHIMED_MISSED $CHIMED_SKIPPED ${CHIMED_STALE-no} $KEPT $data"';
    await using program = await on(['shop.>', '--', 'sh', '-c', show], { KEPT: 'kept', CHIMED_STALE: '1' });
    await publish('shop.price', { eur: 12.5 });
    const [line] = await program.stdout.take(1);
    expect(line).toMatch(/^shop\.price 1 \d{13} 0 0 no kept \{"eur":12\.5\}$/);
    const age = Date.now() - Number(line!.split(' ')[2]);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(60_000);
  });

  test('gives the command a text unchanged, without a newline', async () => {
    await using program = await on(['plain', '-n', '1', '--', 'sh', '-c', 'cat; echo "|"']);
    await publish('plain', 'two\nlines');
    expect(await program.ended).toBe(0);
    expect(program.output).toEqual({ stdout: 'two\nlines|', stderr: '' });
  });

  test('says that a message is stale', async () => {
    using folder = temporaryFolder();
    const file = folder.file('reading');
    writeFileSync(file, '21');
    await using own = await startDaemon({ topics: { reading: { interval: '20ms', always: true, file } } });
    using listener = await own.raw();
    await listener.send('chimed.register', { topics: ['reading'] }).frame('reading');
    rmSync(file);
    await listener.frame('chimed.failing');
    const { stdout } = await chimed(
      ['on', 'reading', '-n', '1', '--', 'sh', '-c', 'echo "$CHIMED_STALE $(cat)"'],
      { env: { CHIMED_SOCKET_PATH: own.socket } },
    );
    expect(stdout).toBe('1 21');
  });

  test('does not run two commands at once: the newest message of each topic waits, and those it replaces are counted', async () => {
    using folder = temporaryFolder();
    // The marker makes a note, so that the test knows what chimed on has received.
    const where = 'topic != "marker" || data > 0';
    await using program = await on([
      'one',
      'two',
      'marker',
      '--where',
      where,
      '--',
      'sh',
      '-c',
      WAIT,
      folder.path,
    ]);
    await publish('one', 1);
    await program.stdout.find((line) => line === 'start one 1 0');
    await publish('one', 2);
    await publish('two', 1);
    await publish('one', 3, 4);
    await publish('marker', 'text');
    await program.stderr.find((line) => line.includes('marker #1'));
    for (const run of ['one.1', 'one.4', 'two.1']) {
      await program.stdout.find((line) => line.startsWith(`start ${run.replace('.', ' ')}`));
      await release(folder, run);
    }
    await program.stdout.take(3, (line) => line === 'end');
    expect(program.stdout.items).toEqual([
      'start one 1 0',
      'end',
      'start one 4 2',
      'end',
      'start two 1 0',
      'end',
    ]);
    expect(await program.kill('SIGTERM').ended).toBe(0);
    expect(program.stderr.items).toContain('chimed: messages skipped because commands were running: 2');
  });

  test('--jobs 2 runs two commands at once, and not three', async () => {
    using folder = temporaryFolder();
    await using own = await startDaemon({ topics: { t: { publish: true } } });
    await using publisher = own.connect();
    const args = ['on', 't', '-j', '2', '-n', '3', '--where', 'seq != 4 || data > 0', '--socket', own.socket];
    await using program = new Program([cli, ...args, '--', 'sh', '-c', WAIT, folder.path]);
    await own.logged('client registered');
    await publisher.publish('t', 1);
    await publisher.publish('t', 2);
    await program.stdout.take(2);
    await publisher.publish('t', 3);
    await publisher.publish('t', 'the note about this message shows that the one before has arrived');
    await program.stderr.find((line) => line.includes('t #4'));
    expect(program.stdout.items.toSorted()).toEqual(['start t 1 0', 'start t 2 0']);
    await release(folder, 't.1');
    await program.stdout.find((line) => line === 'start t 3 0');
    await release(folder, 't.2');
    await release(folder, 't.3');
    expect(await program.ended).toBe(0);
  });

  test('--on-change leaves out messages with the data of the one before', async () => {
    await using program = await on([
      'changes',
      '--on-change',
      '-j',
      '9',
      '-n',
      '3',
      '--',
      'sh',
      '-c',
      'echo $CHIMED_SEQ',
    ]);
    await publish('changes', { a: 1 }, { a: 1 }, { a: 2 }, { a: 2 }, { a: 1 });
    expect(await program.ended).toBe(0);
    expect(program.stdout.items.toSorted()).toEqual(['1', '3', '5']);
  });

  test('--where leaves out messages for which it is not true', async () => {
    const args = ['host.load', '--where', 'load[0] > 4', '-j', '9', '-n', '2', '--', 'sh', '-c', 'cat'];
    await using program = await on(args);
    await publish('host.load', [1, 2], [4.5, 2], [4, 2], [5, 2]);
    expect(await program.ended).toBe(0);
    expect(program.stdout.items.toSorted()).toEqual(['[4.5,2]', '[5,2]']);
  });

  test('says once that --where cannot be evaluated, counts it, and goes on', async () => {
    const args = ['faults', '--where', 'faults.x > 4', '-n', '1', '--', 'sh', '-c', 'echo $CHIMED_SEQ'];
    await using program = await on(args);
    await publish('faults', {}, {}, { x: 'text' }, { x: 5 });
    expect(await program.ended).toBe(0);
    expect(program.output.stdout).toBe('4');
    expect(program.stderr.items).toEqual([
      'chimed: --where is taken as not true for faults #1: No such key: x; further failures of this kind are only counted',
      'chimed: --where is taken as not true for faults #3: no such overload: dyn<string> > int; further failures of this kind are only counted',
      'chimed: messages for which --where could not be evaluated: 3',
    ]);
  });

  test('--for 3 runs the command once when --where has been true three times in a row', async () => {
    const args = [
      'state',
      '--where',
      'state > 4',
      '--for',
      '3',
      '-n',
      '2',
      '--',
      'sh',
      '-c',
      'echo $CHIMED_SEQ',
    ];
    await using program = await on(args);
    await publish('state', 5, 5, 1, 5, 5, 5, 5, 5, 1, 5, 5);
    await program.stdout.take(1);
    await publish('state', 5);
    expect(await program.ended).toBe(0);
    expect(program.stdout.items).toEqual(['6', '12']);
  });

  test('--timeout ends a command with all of its process group', async () => {
    const script = 'sleep 1000 & echo $!; wait';
    await using program = await on(['slow', '--timeout', '200ms', '-n', '1', '--', 'sh', '-c', script]);
    await publish('slow', 1);
    const [pid] = await program.stdout.take(1);
    expect(isAlive(Number(pid))).toBe(true);
    expect(await program.ended).toBe(0);
    expect(isAlive(Number(pid))).toBe(false);
    expect(program.stderr.items).toEqual([
      'chimed: slow #1: the command was ended: it took longer than 200 ms (--timeout)',
      'chimed: failed runs: 1',
    ]);
  });

  test('--timeout kills what ignores SIGTERM two seconds later', async () => {
    const script = 'trap "echo asked" TERM; echo $$; while :; do sleep 0.05; done';
    await using program = await on(['stubborn', '--timeout', '100ms', '-n', '1', '--', 'sh', '-c', script]);
    await publish('stubborn', 1);
    const [pid] = await program.stdout.take(1);
    await program.stdout.find((line) => line === 'asked');
    const asked = performance.now();
    expect(await program.ended).toBe(0);
    expect(performance.now() - asked).toBeGreaterThan(1500);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('says that a run failed, and goes on with the next message', async () => {
    await using program = await on(['fails', '-n', '2', '--', 'sh', '-c', 'read -r how; eval "$how"']);
    await publish('fails', 'exit 3\n');
    await program.stderr.find((line) => line === 'chimed: fails #1: the command exited with 3');
    await publish('fails', 'kill -SEGV $$\n');
    expect(await program.ended).toBe(0);
    expect(program.stderr.items.slice(1)).toEqual([
      'chimed: fails #2: the command was ended by SIGSEGV',
      'chimed: failed runs: 2',
    ]);
  });

  test('says not more than some failures, and counts the others', async () => {
    const count = 40;
    await using program = await on(['many', '-j', String(count), '-n', String(count), '--', 'false']);
    await publish('many', ...Array.from({ length: count }, (_, index) => index));
    expect(await program.ended).toBe(0);
    const told = program.stderr.items.filter((line) => line.endsWith('exited with 1'));
    const leftOut = program.stderr.items.map((line) => Number(/^chimed: (\d+) notes/.exec(line)?.[1] ?? 0));
    expect(told.length).toBeLessThan(count);
    expect(told.length + leftOut.reduce((sum, number) => sum + number, 0)).toBe(count);
    expect(program.stderr.items.at(-1)).toBe(`chimed: failed runs: ${count}`);
  });

  test('a command gets as much data as there is, and need not read it', async () => {
    await using program = await on(['large', '-n', '2', '--', 'sh', '-c', 'test $CHIMED_SEQ = 1 || wc -c']);
    const large = 'x'.repeat(500_000);
    await publish('large', large);
    await publish('large', large);
    expect(await program.ended).toBe(0);
    expect(program.output).toEqual({ stdout: expect.stringMatching(/^ *500000$/), stderr: '' });
  });

  test('a process that a command has left behind does not hold up the next run', async () => {
    const script = 'sleep 1000 > /dev/null 2>&1 & echo $!';
    await using program = await on(['left', '-n', '2', '--', 'sh', '-c', script]);
    await publish('left', 'x'.repeat(500_000), 1);
    expect(await program.ended).toBe(0);
    for (const pid of program.stdout.items) process.kill(Number(pid));
    expect(program.stdout.items).toHaveLength(2);
  });

  test('ends at once if the command cannot be run after all', async () => {
    using folder = temporaryFolder();
    const script = folder.file('script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    await using program = await on(['script', '--', script]);
    await publish('script', 1);
    expect(await program.ended).toBe(64);
    expect(program.stderr.items).toEqual([
      `chimed: cannot run ${script}: the file, the interpreter in its first line (#!) or the current directory does not exist`,
    ]);
  });

  test('SIGTERM ends the running command and then chimed on, with 0', async () => {
    const script = 'trap "echo asked; exit" TERM; echo up; while :; do sleep 0.05; done';
    await using program = await on(['ends', '--', 'sh', '-c', script]);
    await publish('ends', 1, 2);
    await program.stdout.take(1);
    expect(await program.kill('SIGTERM').ended).toBe(0);
    expect(program.stdout.items).toEqual(['up', 'asked']);
  });

  test('a second signal kills a command that ignores the first', async () => {
    const script = 'trap "echo asked" TERM; echo $$; while :; do sleep 0.05; done';
    await using program = await on(['killed', '--', 'sh', '-c', script]);
    await publish('killed', 1);
    const [pid] = await program.stdout.take(1);
    program.kill('SIGINT');
    await program.stdout.find((line) => line === 'asked');
    const asked = performance.now();
    expect(await program.kill('SIGINT').ended).toBe(0);
    expect(performance.now() - asked).toBeLessThan(1900);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('leaves no command behind when the terminal is closed', async () => {
    await using program = await on(['hung-up', '--', 'sh', '-c', 'echo $$; exec sleep 1000']);
    await publish('hung-up', 1);
    const [pid] = await program.stdout.take(1);
    expect(await program.kill('SIGHUP').ended).toBe(0);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('--count waits for the last run to end', async () => {
    using folder = temporaryFolder();
    await using program = await on(['counted', '-n', '1', '--', 'sh', '-c', WAIT, folder.path]);
    await publish('counted', 1, 2);
    await program.stdout.take(1);
    await release(folder, 'counted.1');
    expect(await program.ended).toBe(0);
    expect(program.output).toEqual({ stdout: 'start counted 1 0\nend', stderr: '' });
  });

  test('passes arguments on as they are, also -- and what a shell would expand', async () => {
    const args = ['environment', '-n', '1', '--', 'printf', '<%s>', '--', '$HOME', '* ', '-n'];
    await using program = await on(args);
    await publish('environment', 1);
    expect(await program.ended).toBe(0);
    expect(program.output.stdout).toBe('<--><$HOME><* ><-n>');
  });

  test('waits for a daemon, and goes on with one that comes back', async () => {
    using folder = temporaryFolder();
    const config = { topics: { t: { publish: true } }, state: { file: folder.file('state.json') } };
    const socket = folder.file('s');
    const where = ['--where', 'data < 3 || data > 3'];
    const args = [
      'on',
      't',
      ...where,
      '--socket',
      socket,
      '--',
      'sh',
      '-c',
      'echo "$CHIMED_SEQ $CHIMED_MISSED"',
    ];
    await using program = new Program([cli, ...args]);
    await program.stderr.find((line) => line.endsWith('; retrying'));
    const first = await startDaemon(config, { folder });
    await program.stderr.find((line) => line === 'chimed: connected');
    await chimed(['publish', 't', '1', '--socket', socket]);
    await program.stdout.find((line) => line === '1 0');
    await first.program.kill('SIGTERM').ended;
    await program.stderr.find((line) => line.includes('the daemon stopped'));
    await program.freeze();
    await using _second = await startDaemon(config, { folder });
    for (const value of ['2', '3']) await chimed(['publish', 't', value, '--socket', socket]);
    program.kill('SIGCONT');
    await program.stderr.find((line) => line === 'chimed: missed 1 of t before #3');
    // Number 3 has run nothing: what was lost before it is told with the next run.
    await chimed(['publish', 't', '4', '--socket', socket]);
    await program.stdout.find((line) => line === '4 1');
  });

  test('ends in time while expressions take long', async () => {
    const args = ['backlog', '--where', "data.matches('^(a+)+$')", '--', 'true'];
    await using program = await on(args);
    const data = `${'a'.repeat(40)}!`;
    await Promise.all(Array.from({ length: 100 }, () => publish('backlog', data)));
    await program.stderr.find((line) => line.includes('the evaluation takes longer'));
    const stopped = performance.now();
    expect(await program.kill('SIGTERM').ended).toBe(0);
    expect(performance.now() - stopped).toBeLessThan(20_000); // Each of them takes a second.
  });
});

describe.concurrent('chimed on, used wrongly', () => {
  const mistakes: [string, string[], RegExp][] = [
    ['no command', ['t'], /^error: missing command; write -- between the topics and the command/],
    ['no separator', ['t', 'ls', '-l'], /unknown option '-l'; write -- between/],
    ['nothing behind the separator', ['t', '--'], /^error: missing command$/],
    ['no topic', ['--', 'true'], /missing argument 'pattern' before --/],
    ['--for without --where', ['t', '--for', '3', '--', 'true'], /add --where/],
    [
      '--for with --on-change',
      ['t', '--where', 'true', '--for', '3', '--on-change', '--', 'true'],
      /--on-change/,
    ],
    ['--jobs 0', ['t', '--jobs', '0', '--', 'true'], /a whole number, 1 or more/],
    ['a timeout without a unit', ['t', '--timeout', '3', '--', 'true'], /must be a duration/],
    ['a bad topic', ['a b', '--', 'true'], /a b/],
    [
      'an unknown program',
      ['t', '--', 'no-such-program'],
      /^chimed: cannot run no-such-program: there is no program of this name in .* \(PATH\)$/,
    ],
    ['a missing file', ['t', '--', './no-such-file'], /cannot run \.\/no-such-file: there is no such file$/],
    ['a directory', ['t', '--', '/tmp'], /cannot run \/tmp: it is a directory$/],
    [
      'a file that is no program',
      ['t', '--', './package.json'],
      /permission denied; make it executable with chmod \+x/,
    ],
    [
      'a mistake in --where',
      ['t', '--where', 'load[0] > ', '--', 'true'],
      /mistake in --where: .*\n\n> +1 \| load\[0\] >/,
    ],
    ['a number as --where', ['t', '--where', '1 + 2', '--', 'true'], /must be true or false/],
  ];

  test.each(mistakes)('exits with 64 and says what to do: %s', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await chimed(['on', ...args], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('names the topics that there are', async () => {
    const { exitCode, stderr } = await chimed(['on', 'nope', '--', 'true'], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^chimed: there is no topic nope; there is /);
  });
});

test('the expression language is loaded only with --where', async () => {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => {
      if (url.endsWith('/where.js')) process.stdout.write('loaded\\n');
      return next(url, context);
    } });`;
  const output = async (...args: string[]): Promise<string> => {
    const argv = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, cli, 'on', ...args];
    await using program = new Program([...argv, '--', 'true'], env);
    await program.ended;
    return program.output.stdout;
  };
  expect(await output('nope', '--where', 'true')).toContain('loaded');
  expect(await output('nope')).toBe('');
});
