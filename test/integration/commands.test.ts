import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { Program, chimed, cli, root } from '../helpers/program.ts';
import { Stranger } from '../helpers/stranger.ts';

const slow = { interval: '1h', command: 'cat value', first: 'last' };

describe.concurrent('chimed get', () => {
  test('says why a topic has no message', async () => {
    await using daemon = await startDaemon({
      topics: { t: { interval: '1h', always: true, command: 'echo no luck >&2; exit 3' } },
    });
    await daemon.logged('source is failing');
    expect(await chimed(['get', 't'], { env: { CHIMED_SOCKET_PATH: daemon.socket } })).toMatchObject({
      exitCode: 1,
      stderr: 'chimed: t has no message: it is failing: the command exited with 3: no luck',
    });
  });

  test('prints the last message, and wakes nothing', async () => {
    await using daemon = await startDaemon({
      topics: { t: { interval: '1h', data: { a: 1 } }, p: { publish: true } },
    });
    const env = { CHIMED_SOCKET_PATH: daemon.socket };
    expect(await chimed(['get', 't'], { env })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'chimed: t has no message; run chimed listen t to wait for the next one',
    });
    await using client = daemon.connect();
    await client.publish('p', 'good day');
    for await (const _ of client.listen('t')) break;
    expect((await chimed(['get', 't'], { env })).stdout).toBe('{"a":1}');
    expect((await chimed(['get', 'p'], { env })).stdout).toBe('good day');
    const { stdout } = await chimed(['get', 't', '--json'], { env });
    expect(JSON.parse(stdout)).toEqual({ topic: 't', seq: 1, time: expect.any(Number), data: { a: 1 } });
    expect((await daemon.status()).topics[0]).toMatchObject({ awake: false, seq: 1 });
    expect(await chimed(['get', 'nope'], { env })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is p, t'),
    });
  });

  test('refuses what is too large to be copied for each who asks', async () => {
    await using daemon = await startDaemon({
      topics: { p: { publish: true, maxBytes: '2MiB' } },
      clients: { frameBytes: '3MiB' },
    });
    await using client = daemon.connect();
    await client.publish('p', 'x'.repeat(1_500_000));
    await expect(client.get('p')).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining('register'),
    });
    for await (const { data } of client.listen<string>('p')) {
      expect(data).toHaveLength(1_500_000);
      break;
    }
  });

  test('says so if the source has failed since', async () => {
    await using daemon = await startDaemon({ topics: { t: { ...slow, interval: '20ms', first: 'sample' } } });
    writeFileSync(daemon.folder.file('value'), '1');
    await using client = daemon.connect();
    const failing = new Promise((resolve) => client.once('failing', resolve));
    for await (const _ of client.listen('t')) {
      rmSync(daemon.folder.file('value'));
      await failing;
      break;
    }
    expect(await client.get('t')).toMatchObject({ data: 1, stale: true });
    const { stdout, stderr } = await chimed(['get', 't', '--socket', daemon.socket]);
    expect(stdout).toBe('1');
    expect(stderr).toMatch(/^chimed: the source of t has failed since/);
  });
});

describe.concurrent('chimed publish', () => {
  test.each([
    ['--text', '12.50', '12.50'],
    ['--json', '"12.50"', '12.50'],
  ])('%s says what %s is', async (option, data, payload) => {
    await using daemon = await startDaemon({ topics: { p: { publish: true } } });
    await chimed(['publish', 'p', data, option, '--socket', daemon.socket]);
    await using client = daemon.connect();
    expect(await client.get('p')).toMatchObject({ data: payload });
  });

  test('--json refuses what is none', async () => {
    expect(await chimed(['publish', 'p', 'green', '--json'])).toMatchObject({
      exitCode: 64,
      stderr: expect.stringMatching(/^chimed: the data is not JSON: /),
    });
  });

  test('--lines publishes each line, in order, over one connection', async () => {
    await using daemon = await startDaemon({ topics: { p: { publish: true, history: 100_000 } } });
    const lines = Array.from({ length: 5000 }, (_, index) => index);
    const { exitCode, stderr } = await chimed(['publish', 'p', '--lines', '--socket', daemon.socket], {
      input: `${lines.join('\n')}\r\nlast`,
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'published 5001 messages to p, the last is #5001',
    });
    const { instance } = await daemon.status();
    using raw = await daemon.raw();
    raw.send('chimed.register', { topics: ['p'], resume: { instance, after: { p: 0 } } });
    const heard = await raw.messages('p', 5001);
    expect(heard.map(({ data }) => data)).toEqual([...lines, 'last']);
  });

  test('--lines publishes a line when it comes', async () => {
    await using daemon = await startDaemon({ topics: { p: { publish: true } } });
    await using client = daemon.connect();
    await using program = new Program([cli, 'publish', 'p', '--lines', '--socket', daemon.socket]);
    const heard = client.listen('p')[Symbol.asyncIterator]();
    program.child.stdin!.write('one\ntw');
    expect((await heard.next()).value).toMatchObject({ data: 'one' });
    program.child.stdin!.end('o');
    expect((await heard.next()).value).toMatchObject({ data: 'two' });
    expect(await program.ended).toBe(0);
  });

  test('--lines says at once what cannot be published, though the next line is long in coming', async () => {
    await using daemon = await startDaemon({ topics: { p: { interval: '1h', data: 1 } } });
    await using program = new Program([cli, 'publish', 'p', '--lines', '--socket', daemon.socket]);
    program.child.stdin!.write('one\n');
    expect(await program.ended).toBe(1);
    expect(program.output.stderr).toMatch(/^chimed: line 1: p has a source of its own/);
  });

  test('--lines publishes large lines no faster than the daemon reads them', async () => {
    await using daemon = await startDaemon({
      topics: { p: { publish: true } },
      clients: { bytesPerSecond: '2MiB' },
    });
    const input = `${'x'.repeat(500_000)}\n`.repeat(30);
    const { exitCode, stderr } = await chimed(['publish', 'p', '--lines', '--socket', daemon.socket], {
      input,
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'published 30 messages to p, the last is #30',
    });
  });

  test('--lines names the line that cannot be published', async () => {
    await using daemon = await startDaemon({ topics: { p: { publish: true } } });
    const input = '1\n2\ngreen\n4\n';
    const answer = await chimed(['publish', 'p', '--lines', '--json', '--socket', daemon.socket], { input });
    expect(answer).toMatchObject({
      exitCode: 64,
      stderr: expect.stringMatching(/^chimed: line 3: it is not JSON/),
    });
  });

  test('--clear takes back what was published, and the numbering goes on', async () => {
    await using daemon = await startDaemon({
      topics: { p: { publish: true, onChange: true }, t: { interval: '1h', data: 1 } },
    });
    await using client = daemon.connect();
    await client.publish('p', 'old');
    const env = { CHIMED_SOCKET_PATH: daemon.socket };
    expect(await chimed(['publish', 'p', '--clear'], { env })).toMatchObject({
      exitCode: 0,
      stderr: 'cleared p',
    });
    expect(await client.get('p')).toBeUndefined();
    using raw = await daemon.raw();
    await raw.send('chimed.register', { topics: ['p'] }).frame('chimed.registered');
    expect(await client.publish('p', 'old')).toEqual({ topic: 'p', seq: 2 });
    expect(await raw.frame('p')).toMatchObject({ data: 'old', seq: 2 });
    await expect(client.clear('t')).rejects.toMatchObject({ code: 'not-publishable' });
    expect(await chimed(['publish', 'p', 'x', '--clear'], { env })).toMatchObject({ exitCode: 64 });
  });

  test('what is larger than a frame may be is refused alone, and the connection stays', async () => {
    await using daemon = await startDaemon({
      topics: { p: { publish: true } },
      clients: { frameBytes: '10KiB' },
    });
    await using client = daemon.connect();
    await client.publish('p', 1);
    const ready = client.state;
    const [large, small] = await Promise.allSettled([
      client.publish('p', 'x'.repeat(20_000)),
      client.publish('p', 2),
    ]);
    expect(large).toMatchObject({
      reason: { code: 'too-large', message: expect.stringContaining('at most 10240 (clients.frameBytes)') },
    });
    expect(small).toMatchObject({ value: { seq: 2 } });
    expect(client.state).toBe(ready);
  });
});

describe.concurrent('chimed reload', () => {
  test('says what has changed, and what is wrong', async () => {
    const topic = { interval: '1h', data: 1 };
    await using daemon = await startDaemon({ topics: { a: topic, b: topic } });
    const reload = () => chimed(['reload', '--socket', daemon.socket]);
    daemon.write({ topics: { a: { ...topic, data: 2 }, c: topic }, clients: { frameBytes: '2MiB' } });
    expect(await reload()).toEqual({
      exitCode: 0,
      stdout: `${daemon.configFile}: changed a, c; removed b`,
      stderr: 'chimed: these changes take effect after a restart: clients.frameBytes',
    });
    expect((await reload()).stderr, 'as long as it is due').toContain('clients.frameBytes');
    daemon.write({ topics: { a: { ...topic, data: 2 }, c: topic } });
    expect(await reload()).toMatchObject({
      stdout: `${daemon.configFile}: no topic has changed`,
      stderr: '',
    });
    daemon.write({ topics: { a: { interval: 'often', data: 1 } } });
    const { exitCode, stdout, stderr } = await reload();
    expect({ exitCode, stdout }).toEqual({ exitCode: 78, stdout: '' });
    expect(stderr).toMatch(/topics\.a\.interval: expected a duration/);
    expect((await daemon.status()).topics.map(({ topic: name }) => name)).toEqual(['a', 'c']);
  });

  test('is not asked, nor is anything, by what is no pattern', async () => {
    expect(await chimed(['status', 'a b', '--socket', '/nowhere'])).toMatchObject({
      exitCode: 64,
      stderr: expect.stringContaining('"a b" is neither a topic nor a pattern'),
    });
  });

  test('is for root and the user of the daemon', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('SKIPPED: only root can become somebody else');
    await using daemon = await startDaemon({ topics: { t: { interval: '1h', data: 1 } } });
    chmodSync(daemon.folder.path, 0o755);
    chmodSync(daemon.socket, 0o666);
    for (const type of ['chimed.reload', 'chimed.sample']) {
      await using stranger = new Stranger(daemon.socket, 50_001, [], type, { topic: 't', id: 7 });
      const { data: rejection } = await stranger.frame('chimed.rejected');
      expect(rejection).toMatchObject({ code: 'not-allowed', request: type, id: 7 });
    }
  });

  test('of a configuration without a topic ends the loop of whoever listens to it', async () => {
    const topic = { interval: '20ms', data: 1 };
    await using daemon = await startDaemon({ topics: { a: topic, b: topic } });
    await using client = daemon.connect();
    const all = client.listen('*')[Symbol.asyncIterator]();
    await all.next();
    const loop = async (): Promise<void> => {
      for await (const _ of client.listen('b'));
    };
    const ended = loop();
    ended.catch(() => {}); // It rejects before it is awaited.
    await using listening = new Program([cli, 'listen', 'b', '--socket', daemon.socket]);
    await listening.stdout.take(1);
    await daemon.reload({ topics: { a: topic } });
    await expect(ended).rejects.toMatchObject({
      code: 'unknown-topic',
      message: 'a reload removed the topic b',
    });
    expect(await listening.ended).toBe(1);
    expect(listening.output.stderr).toBe('chimed: a reload removed the topic b');
    await daemon.reload({ topics: { a: topic, b: topic } });
    for (let topicName = ''; topicName !== 'b';)
      topicName = ((await all.next()).value as { topic: string }).topic;
  });
});

describe.concurrent('chimed sample', () => {
  test('takes one, by the daemon, and sends it to nobody', async () => {
    await using daemon = await startDaemon({ topics: { t: slow, p: { publish: true } } });
    writeFileSync(daemon.folder.file('value'), 'good day\n');
    const env = { CHIMED_SOCKET_PATH: daemon.socket };
    const { exitCode, stdout, stderr } = await chimed(['sample', 't'], { env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'good day' });
    expect(stderr).toMatch(
      new RegExp(`^t: 10 bytes in [\\d.]+ ms, taken by the daemon, pid ${daemon.program.pid}$`),
    );
    expect((await daemon.status()).topics[0]).toMatchObject({ awake: false, seq: 0, failures: 0 });
    rmSync(daemon.folder.file('value'));
    expect(await chimed(['sample', 't'], { env })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^chimed: t: the command exited with 1: cat: /),
    });
    expect(await chimed(['sample', 'p'], { env })).toMatchObject({
      exitCode: 64,
      stderr: 'chimed: p cannot be sampled: clients publish to it; run chimed listen p',
    });
  });

  test('takes it here if no daemon runs, or by another configuration', async () => {
    await using daemon = await startDaemon({ topics: { t: { interval: '1h', data: [1, 2] } } });
    const { configFile } = daemon;
    expect(await chimed(['sample', 't', '--config', configFile])).toMatchObject({
      exitCode: 0,
      stdout: '[1,2]',
      stderr: expect.stringContaining('taken by this process, as '),
    });
    expect(await chimed(['sample', 'x', '--config', configFile])).toMatchObject({
      exitCode: 1,
      stderr: `chimed: there is no topic x in ${configFile}`,
    });
  });

  test('never runs beside another of the same topic, and a tick that it held up comes behind it', async () => {
    await using daemon = await startDaemon({
      topics: {
        t: { interval: '50ms', command: 'echo + >> log; sleep 0.2; echo - >> log; cat log', format: 'lines' },
      },
    });
    await using client = daemon.connect();
    const heard = client.listen<string[]>('t')[Symbol.asyncIterator]();
    await heard.next();
    const sample = await client.sample<string[]>('t');
    const { value } = (await heard.next()) as { value: { data: string[] } };
    for (const { data } of [sample, value]) expect(data.join('')).toMatch(/^(\+-)+$/);
  });
});

describe.concurrent('chimed check -', () => {
  test('waits for who writes to it, however slow', async () => {
    const script = '{ sleep 2; cat config/chimed.yaml; } | exec "$0" "$@"';
    await using program = new Program(['-c', script, process.execPath, cli, 'check', '-'], {}, root, 'sh');
    expect(await program.ended).toBe(0);
    expect(program.output.stdout).toContain(': 5 topics, no mistakes');
  });

  test('takes what --print prints of a topic whose payloads are bounded by frames', async () => {
    const input = 'clients: { frameBytes: 64KiB }\ntopics: { p: { publish: true } }';
    const { stdout } = await chimed(['check', '-', '--print'], { input });
    expect(await chimed(['check', '-'], { input: stdout })).toMatchObject({ exitCode: 0 });
  });
});

describe.concurrent('chimed check --run', () => {
  test('samples each topic, and says what came of it', async () => {
    await using daemon = await startDaemon({ topics: {} });
    daemon.write({
      topics: {
        works: { interval: '1h', command: 'echo 1' },
        fails: { interval: '1h', command: 'echo no luck >&2; exit 3' },
        told: { publish: true },
      },
    });
    const { exitCode, stdout, stderr } = await chimed(['check', daemon.configFile, '--run']);
    expect(exitCode).toBe(1);
    const lines = stdout.split('\n').toSorted();
    expect(lines[0]).toMatch(/^fails: FAILED after [\d.]+ ms: the command exited with 3: no luck$/);
    expect(lines[1]).toBe('told: not sampled: clients publish to it');
    expect(lines[2]).toMatch(/^works: 1 bytes in [\d.]+ ms$/);
    expect(stderr).toBe('chimed: 1 of 3 topics failed');
  });
});
