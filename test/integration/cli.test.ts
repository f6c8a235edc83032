import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { loadConfig } from '../../src/config/load.ts';
import type { Status } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Program, chimed, cli, root } from '../helpers/program.ts';

const topics = {
  tick: { interval: '50ms', data: 'tock' },
  load: { interval: '50ms', data: [0.5, 1] },
  price: { publish: true },
};

let daemon: TestDaemon;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  daemon = await startDaemon({ topics });
  env = { CHIMED_SOCKET_PATH: daemon.socket };
});

afterAll(() => daemon[Symbol.asyncDispose]());

/** Runs `chimed …` in a line of shell, as `"$@"`. */
function shell(line: string, args: readonly string[]): Program {
  return new Program(['-c', line, 'sh', process.execPath, cli, ...args], env, root, 'sh');
}

describe.concurrent('chimed', () => {
  test('--version', async () => {
    expect(await chimed(['--version'])).toEqual({ exitCode: 0, stdout: manifest.version, stderr: '' });
  });

  test.each(['serve', 'listen', 'on', 'get', 'publish', 'status', 'top', 'sample', 'check', 'reload'])(
    '%s --help has examples',
    async (command) => {
      const { exitCode, stdout } = await chimed([command, '--help']);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples:\n(.*\n)*.*chimed ${command}`));
    },
  );

  test.each(['serve', 'check'])('%s --help names the files of conf.d that are read', async (command) => {
    expect((await chimed([command, '--help'])).stdout).toContain('conf.d/*.yaml and conf.d/*.yml');
  });

  test.each([
    [],
    ['dance'],
    ['listen'],
    ['listen', 'tick', '--count', 'x'],
    ['listen', 'tick', '--for', '5'],
    ['listen', 'tick', '--for', '30d'],
    ['listen', 'a b'],
    ['status', '--loud'],
    ['serve', '--socket', ''],
    ['listen', 'tick', '--socket', ''],
    ['serve', '--log-level', 'loud'],
    ['serve', '--log-format', 'x'],
  ])('exits with 64 if it is used as in %j', async (...args) => {
    const { exitCode, stdout, stderr } = await chimed(args, { env });
    expect(exitCode).toBe(64);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
  });
});

describe.concurrent('chimed help', () => {
  test('shows the help of a command', async () => {
    expect(await chimed(['help', 'check'])).toEqual(await chimed(['check', '--help']));
    expect(await chimed(['help'])).toEqual(await chimed(['--help']));
  });

  test('says that there is no such command', async () => {
    expect(await chimed(['help', 'nonsense'])).toEqual({
      exitCode: 64,
      stdout: '',
      stderr: "error: unknown command 'nonsense'; chimed --help lists the commands",
    });
  });
});

describe.concurrent('what chimed prints', () => {
  /** A configuration that is printed in far more bytes than a pipe holds. */
  function manyTopics(): object {
    const names = Array.from({ length: 3000 }, (_, index) => `t${index}`);
    return { topics: Object.fromEntries(names.map((name) => [name, { interval: '1h', data: 1 }])) };
  }

  test('comes through a pipe to its end', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('c.yaml'), JSON.stringify(manyTopics()));
    const { exitCode, stdout } = await chimed(['check', folder.file('c.yaml'), '--print']);
    expect(exitCode).toBe(0);
    expect(stdout.match(/^ {2}t\d+:$/gm)).toHaveLength(3000);
  });

  test('is no longer waited for when whoever read it has gone', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('c.yaml'), JSON.stringify(manyTopics()));
    await using program = shell('{ "$@"; echo $? >&2; } | true', ['check', folder.file('c.yaml'), '--print']);
    await program.ended;
    expect(program.output.stderr).toBe('0');
  });

  test.each([['--help'], ['check', 'config/chimed.yaml'], ['status'], ['listen', 'tick', '-n', '3']])(
    'is missed if the disk is full: %s',
    async (...args) => {
      await using program = shell('exec "$@" > /dev/full', args);
      expect(await program.ended).toBe(1);
      expect(program.output.stderr).toMatch(
        /^chimed: cannot write to stdout: ENOSPC: .*; redirect the output elsewhere$/,
      );
    },
  );
});

describe.concurrent('chimed listen', () => {
  test('prints time, topic, number and data for people, without colours in a pipe', async () => {
    const { exitCode, stdout, stderr } = await chimed(['listen', 'tick', '--count', '2'], { env });
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} tick #\d+ tock\n\d\d:\d\d:\d\d\.\d{3} tick #\d+ tock$/);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('shows control characters and does not pass them on to the terminal', async () => {
    await using listening = new Program([cli, 'listen', 'price'], env);
    using client = await daemon.raw();
    client.send('chimed.publish', { topic: 'price', data: '\x1b[2Jgone\nline' });
    await listening.stdout.find((line) => line.endsWith(' \\x1b[2Jgone\\x0aline'));
  });

  test('--raw prints the data alone', async () => {
    expect((await chimed(['listen', 'tick', '--raw', '-n', '1'], { env })).stdout).toBe('tock');
    expect((await chimed(['listen', 'load', '--raw', '-n', '1'], { env })).stdout).toBe('[0.5,1]');
  });

  test('--json prints an object a line', async () => {
    const { stdout } = await chimed(['listen', 'load', '--json', '-n', '2'], { env });
    const [first, second] = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      topic: 'load',
      seq: expect.any(Number),
      time: expect.any(Number),
      data: [0.5, 1],
      missed: 0,
    });
    expect(second!['seq']).toBe((first!['seq'] as number) + 1);
  });

  test('--for ends it, with 1 if nothing came', async () => {
    const { exitCode, stdout, stderr } = await chimed(['listen', 'later.>', '--for', '100ms'], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/\nchimed: no message arrived within the time of --for$/);
    const heard = await chimed(['listen', 'tick', '--for', '1s'], { env });
    expect(heard).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('tick #'), stderr: '' });
  });

  test('names the topics that there are', async () => {
    const { exitCode, stderr } = await chimed(['listen', 'nope', 'tick'], { env });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'chimed: there is no topic nope; there is load, price, tick',
    });
  });

  test('says that a pattern matches nothing yet', async () => {
    await using listening = new Program([cli, 'listen', 'later.>'], env);
    await listening.stderr.find((line) => line === 'chimed: no topic matches later.> yet');
  });

  test('ends quietly when whoever reads it has gone', async () => {
    await using listening = new Program([cli, 'listen', 'tick'], env);
    await listening.stdout.find(() => true);
    listening.child.stdout!.destroy();
    expect(await listening.ended).toBe(0);
    expect(listening.output.stderr).toBe('');
  });

  test('keeps so many messages for a reader that stands still, and counts the others', async () => {
    const last = 1200;
    const clients = { pendingBytes: '64MiB' }; // The daemon itself drops nothing.
    await using own = await startDaemon({ clients, topics: { price: { publish: true } } });
    await using listening = new Program([cli, 'listen', 'price', '--json', '--socket', own.socket]);
    listening.child.stdout!.pause();
    await own.logged('client registered');
    await using client = own.connect();
    const data = 'x'.repeat(10_000); // A few of them fill the pipe.
    for (let count = 0; count < last; count++) await client.publish('price', data);
    while ((await client.status()).clients.some(({ pendingBytes }) => pendingBytes > 0));
    listening.child.stdout!.resume();
    await listening.stdout.find((line) => line.includes(`"seq":${last},`));
    const missed = listening.stdout.items.map((line) => (JSON.parse(line) as { missed: number }).missed);
    const lost = missed.reduce((sum, count) => sum + count, 0);
    expect(lost).toBeGreaterThan(0);
    expect(missed.length + lost).toBe(last);
  });

  test('waits for a daemon, says so, and says when it is there, gone, back, and what was missed', async () => {
    using folder = temporaryFolder();
    const config = { topics: { price: { publish: true } }, state: { file: folder.file('state.json') } };
    const listening = new Program([cli, 'listen', 'price', '--socket', folder.file('s')]);
    await listening.stderr.find(
      (line) => line.includes('there is no socket at') && line.endsWith('; retrying'),
    );
    const first = await startDaemon(config, { folder });
    await listening.stderr.find((line) => line === 'chimed: connected');
    await chimed(['publish', 'price', '1', '--socket', folder.file('s')]);
    await listening.stdout.find((line) => line.endsWith('price #1 1'));
    await first.program.kill('SIGTERM').ended;
    await listening.stderr.find((line) => line === 'chimed: the daemon stopped: SIGTERM; retrying');
    await listening.freeze();
    await using second = await startDaemon(config, { folder });
    for (const value of ['2', '3', '4']) await chimed(['publish', 'price', value, '--socket', second.socket]);
    listening.kill('SIGCONT');
    await listening.stderr.find((line) => line === 'chimed: connected again');
    await listening.stderr.find((line) => line === 'chimed: missed 2 of price before #4');
    await listening.stdout.find((line) => line.endsWith('price #4 4'));
    listening.kill('SIGINT');
    expect(await listening.ended).toBe(0);
  });

  test('says that a daemon which crashed has begun a new numbering', async () => {
    using folder = temporaryFolder();
    const first = await startDaemon({ topics }, { folder });
    await using listening = new Program([cli, 'listen', 'tick', '--socket', first.socket]);
    await listening.stdout.find(() => true);
    await first.program.kill('SIGKILL').ended;
    await using _second = await startDaemon({ topics }, { folder });
    await listening.stderr.find(
      (line) =>
        line ===
        'chimed: connected again; the daemon began a new numbering: some messages may be lost, the number is unknown',
    );
  });
});

describe('chimed publish', () => {
  test.each([
    ['JSON', ['{"eur": 1}'], '', { eur: 1 }],
    ['text', ['hello there'], '', 'hello there'],
    ['standard input', [], 'from a pipe\n', 'from a pipe'],
    ['standard input by its name', ['-'], '[1]\n', [1]],
  ])('sends %s', async (_, args, input, payload) => {
    using client = await daemon.raw();
    await client.send('chimed.register', { topics: ['price'] }).frame('chimed.registered');
    const { exitCode, stdout, stderr } = await chimed(['publish', 'price', ...args], { env, input });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    const { seq } = await client.frames.find(({ data }) => JSON.stringify(data) === JSON.stringify(payload));
    expect(stderr).toBe(`published price #${seq}`);
  });

  test('says why it cannot', async () => {
    const { exitCode, stderr } = await chimed(['publish', 'tick', '1'], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'chimed: tick has a source of its own; only a topic with publish: true takes messages',
    );
  });

  test('stops reading what has no end', async () => {
    await using program = shell('exec "$@" < /dev/zero', ['publish', 'price']);
    expect(await program.ended).toBe(1);
    expect(program.output.stderr).toBe(
      'chimed: the data on stdin is larger than 64 MiB; publish less at a time',
    );
  });
});

describe.concurrent('chimed status', () => {
  test('shows the daemon, its topics and its clients', async () => {
    using client = await daemon.raw();
    await client.send('chimed.register', { name: 'somebody', topics: ['tick'] }).frame('tick');
    const { exitCode, stdout } = await chimed(['status'], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^chimed ${manifest.version}, pid ${daemon.program.pid}, up `));
    expect(stdout).toMatch(/^TOPIC +SCHEDULE +SOURCE +SEQ/m);
    expect(stdout).toMatch(/^tick +every 50ms +data +\d+/m);
    expect(stdout).toMatch(/^price +when published +publish/m);
    const who = `${process.pid} +${process.getuid!()}`;
    expect(stdout).toMatch(new RegExp(`^\\d+ +somebody +${who} +tick +\\d+`, 'm'));
  });

  test('--json prints all of it', async () => {
    const status = JSON.parse((await chimed(['status', '--json'], { env })).stdout) as Status;
    expect(status).toMatchObject({
      pid: daemon.program.pid,
      socketPath: daemon.socket,
      version: manifest.version,
    });
    expect(status.topics.map(({ topic }) => topic)).toEqual(['tick', 'load', 'price']);
  });

  test('--sort puts the sort topics by this, largest first', async () => {
    const order = async (key: string): Promise<string[]> => {
      const { stdout } = await chimed(['status', '--json', '--sort', key], { env });
      return (JSON.parse(stdout) as Status).topics.map(({ topic }) => topic);
    };
    expect(await order('name')).toEqual(['load', 'price', 'tick']);
    expect((await order('seq'))[0]).toBe('tick');
    expect(await chimed(['status', '--sort', 'colour'], { env })).toMatchObject({ exitCode: 64 });
  });

  test('--watch goes on when the daemon is started again', async () => {
    using folder = temporaryFolder();
    const first = await startDaemon({ topics }, { folder });
    await using watching = new Program([cli, 'status', '--watch', '--json', '--socket', first.socket]);
    await watching.stdout.take(1);
    await first[Symbol.asyncDispose]();
    await watching.stderr.find((line) => line.endsWith('; retrying'));
    await using second = await startDaemon({ topics }, { folder });
    await watching.stdout.find((line) => (JSON.parse(line) as Status).pid === second.program.pid);
  });

  test('says that a reload has failed, and why to who may know', async () => {
    await using own = await startDaemon({ topics: {} });
    await own.reload({ topics: { t: { interval: 'often', data: 1 } } });
    const { stdout } = await chimed(['status', '--socket', own.socket]);
    expect(stdout).toMatch(
      /^the reload \d+m?s ago failed, and the old configuration stays in effect: .* topics\.t\.interval: expected a duration/m,
    );
    await own.reload({ topics: {} });
    expect((await own.status()).reload).toEqual({ at: expect.any(Number), failed: false, error: null });
  });

  test('--watch goes on until it is interrupted', async () => {
    await using watching = new Program([cli, 'status', '--watch', '--json'], env);
    await watching.stdout.take(2);
    expect(await watching.kill('SIGINT').ended).toBe(0);
  });
});

describe.concurrent('without a daemon', () => {
  test.each([
    ['status'],
    ['top', '--once'],
    ['publish', 'price', '1'],
    ['get', 'tick'],
    ['reload'],
    ['sample', 'tick'],
  ])('%s exits with 69 and says what to do', async (...args) => {
    using folder = temporaryFolder();
    const { exitCode, stderr } = await chimed([...args, '--socket', folder.file('s')]);
    expect(exitCode).toBe(69);
    expect(stderr).toBe(`chimed: no daemon: there is no socket at ${folder.file('s')}; is chimed running?`);
  });

  test('nor could be, at a path that is too long, is said so', async () => {
    const path = `/tmp/${'x'.repeat(120)}`;
    const { exitCode, stderr } = await chimed(['status', '--socket', path]);
    expect(exitCode).toBe(69);
    expect(stderr).toMatch(/^chimed: no daemon: the path of the socket is longer than 107 bytes: \/tmp\/x+;/);
  });

  test.for([['status'], ['top', '--once'], ['listen', 'tick'], ['on', 'tick', '--', 'true']])(
    'that this user may call, %s exits with 77',
    async (args, { skip }) => {
      if (process.getuid?.() !== 0) skip('SKIPPED: only root can become somebody else');
      chmodSync(daemon.folder.path, 0o755);
      const become = `process.setuid(65534); process.argv = ${JSON.stringify(['', 'chimed', ...args])}; await import(${JSON.stringify(cli)});`;
      await using program = new Program(['--input-type=module', '--eval', become], env);
      expect(await program.ended).toBe(77);
      expect(program.output.stderr).toBe(
        `chimed: permission denied: ${daemon.socket}; its owner or group must let this user write to it (socket.mode, socket.group)`,
      );
    },
  );
});

describe.concurrent('chimed listen --for', () => {
  test('exits with 69 if there was no daemon in all that time', async () => {
    using folder = temporaryFolder();
    const args = ['listen', 'tick', '--for', '200ms', '--socket', folder.file('s')];
    const { exitCode, stderr } = await chimed(args);
    expect(exitCode).toBe(69);
    expect(stderr.split('\n').at(-1)).toBe(
      `chimed: no daemon: there is no socket at ${folder.file('s')}; is chimed running?`,
    );
  });

  test('exits with 69 if the daemon did not answer in all that time', async () => {
    using folder = temporaryFolder();
    await using server = createServer((socket) => socket.resume()).listen(folder.file('s'));
    await once(server, 'listening');
    const args = ['listen', 'tick', '--for', '50ms', '--socket', folder.file('s')];
    expect(await chimed(args)).toEqual({
      exitCode: 69,
      stdout: '',
      stderr: 'chimed: no daemon answered in time',
    });
  });
});

describe.concurrent('chimed check', () => {
  test('is content with the packaged configuration, and prints it', async () => {
    const file = 'config/chimed.yaml';
    expect((await chimed(['check', file])).stdout).toMatch(/config\/chimed\.yaml: 5 topics, no mistakes$/);
    expect((await chimed(['check', file, '--print'])).stdout).toMatch(
      /stallTimeout: 30s\n(.*\n)*.* host.load:\n/,
    );
  });

  test('takes what it prints, and it means the same', async () => {
    using folder = temporaryFolder();
    const text = `
x-slow: &slow { timeout: 1s, history: 7 }
socket: { path: run/s, mode: '0660' }
log: { level: debug }
topics:
  a: { <<: *slow, interval: 1m30s, align: true, command: [df, -h], env: { A: b } }
  b: { <<: *slow, cron: '0 0 * * 1', timezone: Europe/Berlin, file: x.json }
  c: { publish: true, access: { subscribe: [root, 7] } }
  fixed: { interval: 1s, data: { x: 1 } }
  stream: { stream: [ping, localhost], every: 1s, format: text }
  journal: { journal: { unit: nginx, directory: journal } }
  watched: { watch: true, file: y.txt }
  files: { interval: 1m30s, files: 'spool/*.json' }
  module: { interval: 1s, module: ${folder.file('m.mjs')} }
  host: { interval: 1s, host: load }
  http: { interval: 1s, http: { url: 'http://localhost:8080/health', expect: 200, timeout: 5s } }
  head: { interval: 1s, http: { url: 'http://localhost:8080/health', method: HEAD, body: false } }
  derived: { from: host, pick: /0, take: avg over 1m, when: above 4 for 30s }
  provided.>: { provide: true }`;
    writeFileSync(folder.file('m.mjs'), 'export default () => 1;');
    writeFileSync(folder.file('one.yaml'), text);
    const { stdout } = await chimed(['check', folder.file('one.yaml'), '--print'], {
      env: { CHIMED_CLIENTS_MAX: '9' },
    });
    writeFileSync(folder.file('two.yaml'), stdout);
    const [one, two] = ['one', 'two'].map((name) =>
      loadConfig(folder.file(`${name}.yaml`), { CHIMED_CLIENTS_MAX: '9' }),
    );
    expect({ ...two, file: one!.file }).toEqual(one);
    expect(stdout).toMatch(/^ {4}timeout: 1s$/m);
    expect(stdout.match(/^ +(interval: 1m|onChange: true|method: GET|watch: false)$/gm)).toEqual([
      '    watch: false', // Of b.
      '    onChange: true', // Of the watched one.
      '    interval: 1m',
      '    watch: false', // Of files.
      '      method: GET',
    ]);
    expect((await chimed(['check', '-'], { input: stdout })).stdout).toContain(': 13 topics, no mistakes');
  });

  test('doubts a topic that cannot work, and counts it', async () => {
    const input = 'topics: { t: { file: /, watch: true } }';
    expect(await chimed(['check', '-'], { input })).toEqual({
      exitCode: 0,
      stdout: '/dev/stdin: 1 topic, no mistakes',
      stderr: 'chimed: t: / is a directory, not a file; to read the files in it, use files: /*',
    });
  });

  test('lists every mistake with its line', async () => {
    using folder = temporaryFolder();
    writeFileSync(
      folder.file('c.yaml'),
      'log: { level: loud }\ntopics:\n  a..b: { interval: 1s, data: 1 }\n  c:\n    interval: 0\n',
    );
    const { exitCode, stderr } = await chimed(['check', folder.file('c.yaml')]);
    expect(exitCode).toBe(78);
    expect(stderr.split('\n').map((line) => line.trim().slice(0, 30))).toEqual([
      expect.stringMatching(/^chimed: /),
      expect.stringMatching(/^c.yaml:1 log.level: expected/),
      expect.stringMatching(/^c.yaml:3 topics.a..b: /),
      expect.stringMatching(/^c.yaml:5 topics.c.interval: /),
      expect.stringMatching(/^c.yaml:4 topics.c: no source; /),
    ]);
  });
});
