import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import { TestDaemon, startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { isAlive } from '../helpers/processes.ts';
import { Program, cli, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import type { RawClient } from '../helpers/raw-client.ts';

const topics = { tick: { interval: '20ms', data: 'tock' } };

/** A client for which a big message waits, because it does not read. */
async function frozenClient(daemon: TestDaemon): Promise<RawClient> {
  const client = await daemon.raw();
  client.socket.pause();
  client.send('big');
  await daemon.logged('topic has its first client');
  return client;
}

/** What a pipe holds, and publications of which the debug lines do not fit. */
const PIPE_BYTES = 65_536;
const PUBLICATIONS = 3000;
/** How long a daemon may take to start on a busy machine, in milliseconds. */
const PATIENCE_MS = 60_000;

/** A named pipe that is open to be read, and is read only when it is told to. */
function openPipe(path: string): Disposable & { read: () => Buffer } {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    read() {
      const bytes = Buffer.alloc(2 * PIPE_BYTES);
      return bytes.subarray(0, readSync(fd, bytes));
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

describe.concurrent('a stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s tells clients, ends with 0 and leaves no socket',
    async (signal) => {
      await using daemon = await startDaemon({ topics });
      using client = await daemon.raw();
      await client.send('tick').frame('tick');
      expect(await daemon.program.kill(signal).ended).toBe(0);
      await client.closed;
      expect(client.frames.items.at(-1)).toEqual({ type: 'chimed.stopping', data: { reason: signal } });
      expect(existsSync(daemon.socket)).toBe(false);
    },
  );

  test('delivers what is queued', async () => {
    // More than a socket's buffer takes at once.
    const big = 'x'.repeat(900 * 1024);
    await using daemon = await startDaemon({ topics: { big: { interval: '1h', data: big } } });
    using client = await frozenClient(daemon);
    daemon.program.kill('SIGTERM');
    await daemon.logged('stopping');
    client.socket.resume();
    await client.closed;
    expect(client.frames.items.map(({ type }) => type)).toEqual(['big', 'chimed.stopping']);
    expect(client.frames.items[0]!.data).toHaveLength(big.length);
  });

  test('does not wait for a client that does not read longer than shutdown.timeout', async () => {
    const config = {
      topics: { big: { interval: '1h', data: 'x'.repeat(900 * 1024) } },
      shutdown: { timeout: '200ms' },
    };
    await using daemon = await startDaemon(config);
    using _client = await frozenClient(daemon);
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
  });

  test('is cut short by a second signal', async () => {
    const config = {
      topics: { big: { interval: '1h', data: 'x'.repeat(900 * 1024) } },
      shutdown: { timeout: '10m' },
    };
    await using daemon = await startDaemon(config);
    using _client = await frozenClient(daemon);
    daemon.program.kill('SIGTERM');
    await daemon.logged('stopping');
    expect(await daemon.program.kill('SIGINT').ended).toBe(130);
    await daemon.logged('second signal: ending at once');
  });

  test.each(['before', 'as'])('does not wait for a reader of its log who goes %s it ends', async (when) => {
    await using daemon = await startDaemon({ topics });
    daemon.program.child.stdout!.destroy();
    // Their lines find out that nobody reads them.
    if (when === 'before') for (let count = 0; count < 3; count++) await daemon.status();
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
  });

  test('does not wait long for a reader of its log who stands still', async () => {
    using folder = temporaryFolder();
    const [fifo, socket, config] = [folder.file('log'), folder.file('s'), folder.file('c.yaml')];
    execFileSync('mkfifo', [fifo]);
    using log = openPipe(fifo);
    writeFileSync(config, 'topics: { flood: { publish: true }, tick: { interval: 20ms, data: 1 } }');
    const args = [cli, 'serve', '--config', config, '--socket', socket, '--log-level', 'debug'];
    const script = `exec "$0" "$@" --log-format json > '${fifo}'`;
    await using daemon = new Program(['-c', script, process.execPath, ...args], {}, root, 'sh');
    await using client = connect({ socket, timeoutMs: PATIENCE_MS });
    await Promise.all(Array.from({ length: PUBLICATIONS }, () => client.publish('flood', 'x')));
    for await (const _ of client.listen('tick')) break; // The ticks go on.
    expect(await daemon.kill('SIGTERM').ended).toBe(0);
    const lines = String(log.read()).split('\n').length;
    expect(lines, 'what was written when the pipe was full').toBeLessThan(PUBLICATIONS);
  });

  test('does not need a disk with room for its log', async () => {
    using folder = temporaryFolder();
    const [socket, config] = [folder.file('s'), folder.file('c.yaml')];
    writeFileSync(config, JSON.stringify({ topics }));
    const args = [cli, 'serve', '--config', config, '--socket', socket, '--log-format', 'json'];
    const script = 'exec "$0" "$@" > /dev/full';
    await using daemon = new Program(['-c', script, process.execPath, ...args], {}, root, 'sh');
    await using client = connect({ socket });
    for await (const { seq } of client.listen('tick')) if (seq > 3) break;
    expect(await daemon.kill('SIGTERM').ended).toBe(0);
  });

  test.each([
    ['a command', 'exec sleep 60'],
    ['a command that ignores SIGTERM', 'trap "" TERM; while :; do sleep 0.1; done'],
  ])('ends %s that is running', async (_, command) => {
    using folder = temporaryFolder();
    const topic = { interval: '1s', timeout: '1m', command: `echo $$ > pid.new; mv pid.new pid; ${command}` };
    const seen = { interval: '20ms', file: 'pid' };
    await using daemon = await startDaemon({ topics: { topic, seen } }, { folder });
    using client = await daemon.raw();
    const { data: pid } = await client.send('topic').send('seen').frame('seen');
    expect(isAlive(Number(pid))).toBe(true);
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    expect(isAlive(Number(pid))).toBe(false);
  });
});

/** Runs a program in a terminal; says what it prints, and closes the terminal when it is told to. */
const terminal = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"listening" not in seen:
    seen += os.read(fd, 65536)
print("listening", flush=True)
sys.stdin.readline()
os.close(fd)
print("ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
`;

describe.concurrent('a daemon in a terminal', () => {
  test.skipIf(!has('python3')).each(['pretty', 'json'])(
    'stops when the terminal is closed, with log format %s',
    async (format) => {
      using folder = temporaryFolder();
      const [socket, config] = [folder.file('s'), folder.file('c.yaml')];
      writeFileSync(config, JSON.stringify({ topics, state: { file: folder.file('state.json') } }));
      const args = [cli, 'serve', '--config', config, '--socket', socket, '--log-format', format];
      const argv = ['-I', '-c', terminal, process.execPath, ...args];
      await using program = new Program(argv, {}, root, 'python3');
      await program.stdout.find((line) => line === 'listening');
      program.child.stdin!.write('close it\n');
      await program.stdout.find((line) => line === 'ended with 0');
      expect(existsSync(socket)).toBe(false);
      expect(existsSync(folder.file('state.json')), 'the state is saved').toBe(true);
    },
  );

  test('opens no port for a debugger', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    await client.send('tick').frame('tick');
    for (let count = 0; count < 3; count++) {
      daemon.program.kill('SIGUSR1');
      await client.frame('tick', client.frames.items.length);
    }
    await daemon.program.kill('SIGTERM').ended;
    expect(daemon.program.output.stderr).toBe('');
  });
});

test.concurrent.each([
  ['an uncaught exception', 'throw new Error("a bug")'],
  ['an unhandled rejection', 'void Promise.reject(new Error("a bug"))'],
])('%s stops the daemon as a signal would, but with 1', async (_, code) => {
  // There is no known way to have the daemon throw: this one is brought along.
  const bug = `data:text/javascript,process.on('SIGUSR2',()=>{${encodeURIComponent(code)}})`;
  await using daemon = await startDaemon({ topics }, { env: { NODE_OPTIONS: `--import=${bug}` } });
  using client = await daemon.raw();
  await client.send('tick').frame('tick');
  daemon.program.kill('SIGUSR2');
  expect(await daemon.program.ended).toBe(1);
  expect(await daemon.logged('fatal error')).toMatchObject({ error: 'a bug' });
  await client.closed;
  expect(client.frames.items.at(-1)).toMatchObject({ type: 'chimed.stopping' });
  expect(existsSync(daemon.socket)).toBe(false);
});

describe.concurrent('a configuration with mistakes', () => {
  test('is told with every mistake, exits with 78 and opens nothing', async () => {
    using folder = temporaryFolder();
    await using daemon = new TestDaemon('topics:\n  a: {}\n  b: { interval: 0, data: 1 }\n', { folder });
    expect(await daemon.program.ended).toBe(78);
    expect(daemon.program.output.stderr.split('\n')).toHaveLength(4);
    expect(existsSync(daemon.socket)).toBe(false);
  });

  test('includes a module that cannot be loaded', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('bad.mjs'), 'export const other = 1;');
    await using daemon = new TestDaemon({ topics: { t: { interval: '1s', module: 'bad.mjs' } } }, { folder });
    expect(await daemon.program.ended).toBe(78);
    expect(daemon.program.output.stderr).toContain(
      'bad.mjs cannot be loaded: its default export must be a function',
    );
    expect(existsSync(daemon.socket)).toBe(false);
  });
});

describe.concurrent('the state', () => {
  test("that is no state of chimed's is not started with, and stays as it is", async () => {
    using folder = temporaryFolder();
    const file = folder.file('precious.json');
    writeFileSync(file, '{"precious": true}');
    await using daemon = new TestDaemon({ topics, state: { file } }, { folder });
    expect(await daemon.program.ended).toBe(78);
    expect(daemon.program.output.stderr).toBe(
      `chimed: state.file: ${file} exists and is not a state file of chimed; name another file, or move this one away`,
    );
    expect(readFileSync(file, 'utf8')).toBe('{"precious": true}');
    expect(existsSync(daemon.socket)).toBe(false);
  });

  test('that cannot be read is said, and a new numbering begins', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('state.json'), '{"version":1,"inst');
    const config = { topics, state: { file: folder.file('state.json') } };
    await using daemon = await startDaemon(config, { folder });
    expect(await daemon.logged(/^the saved state cannot be used/)).toMatchObject({ level: 'warn' });
    await daemon.program.kill('SIGTERM').ended;
    const [header] = readFileSync(folder.file('state.json'), 'utf8').split('\n');
    expect(JSON.parse(header!)).toMatchObject({ version: 2, topics: 1 });
  });

  test('that cannot be saved is said, and the stop is clean all the same', async () => {
    await using daemon = await startDaemon({ topics, state: { file: '/proc/no/state.json' } });
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    expect(await daemon.logged(/^the state cannot be saved/)).toMatchObject({ level: 'error' });
  });
});
