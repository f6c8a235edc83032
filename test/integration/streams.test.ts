import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { isAlive } from '../helpers/processes.ts';
import { chimed } from '../helpers/program.ts';

/** The first payloads that a client hears of a topic. */
async function heard(daemon: TestDaemon, topic: string, count: number): Promise<unknown[]> {
  await using client = daemon.connect();
  const payloads: unknown[] = [];
  for await (const { data } of client.listen(topic)) {
    payloads.push(data);
    if (payloads.length === count) break;
  }
  return payloads;
}

async function hasEnded(pid: number, daemon: TestDaemon): Promise<void> {
  while (isAlive(pid)) await daemon.status();
}

describe.concurrent('a stream', () => {
  test('sends each line, the last one too if it has no newline, and then fails with what the program said last', async () => {
    const stream = 'printf "1\\n\\n{\\"a\\": 2}\\r\\nthree"; echo first >&2; echo second >&2; exit 3';
    await using daemon = await startDaemon({ topics: { t: { stream, history: 10 } } });
    expect(await heard(daemon, 't', 3)).toEqual([1, { a: 2 }, 'three']);
    const { error } = await daemon.logged('source is failing');
    expect(error).toBe('the program exited with 3: second');
    expect(await daemon.logged('first')).toMatchObject({ level: 'info', topic: 't', output: 'stderr' });
  });

  test('runs from the first client to the last, one program for all, and nothing of it is left', async () => {
    const stream = "trap '' TERM; setsid sleep 1000 & echo $!; exec sleep 1000";
    await using daemon = await startDaemon({ topics: { t: { stream } } });
    const client = daemon.connect();
    const other = daemon.connect();
    const messages = client.listen<number>('t');
    const pid = (await messages.next()).value!.data;
    expect((await other.listen('t').next()).value).toMatchObject({ data: pid, seq: 1 });
    expect(isAlive(pid)).toBe(true);
    await client.close();
    await daemon.status();
    expect(isAlive(pid)).toBe(true);
    await other.close();
    await hasEnded(pid, daemon);
  });

  test.each([
    [
      'is longer than maxBytes',
      { stream: 'head -c 3000 /dev/zero | tr "\\0" x; echo; echo 5; exec cat', maxBytes: '1KiB' },
      'the program printed a line of more than 1024 bytes (maxBytes)',
    ],
    [
      'is not UTF-8',
      { stream: "printf '\\377\\n5\\n'; exec cat" },
      'a line that the program printed cannot be sent: it is not UTF-8; encode binary data as base64',
    ],
    [
      'does not fit its format',
      { stream: 'echo five; echo; echo 5; exec cat', format: 'number' },
      'a line that the program printed cannot be sent: it is not a number: "five"',
    ],
  ])('fails with a line that %s, and recovers with the next', async (_, topic, error) => {
    const stream = topic.stream.replace('exec cat', 'exec sleep 1000');
    await using daemon = await startDaemon({ topics: { t: { ...topic, stream } } });
    expect(await heard(daemon, 't', 1)).toEqual([5]);
    expect((await daemon.logged('source is failing'))['error']).toBe(error);
    expect((await daemon.logged('source has recovered'))['failures']).toBe(1);
  });

  test.each([
    ['is not there', { stream: ['no-such-program'] }, /there is no program no-such-program in /],
    ['is not executable', { stream: ['/etc/passwd'] }, /permission denied to execute \/etc\/passwd;/],
    ['is a directory', { stream: ['/etc'] }, /\/etc is a directory$/],
    ['has no directory', { stream: ['true'], directory: '/no/such' }, /it cannot enter .* \/no\/such$/],
  ])('of a program that %s says so, and logs nothing else', async (_, topic, why) => {
    await using daemon = await startDaemon({ topics: { t: { ...topic, always: true } } });
    const { error } = await daemon.logged('source is failing');
    expect(error).toMatch(new RegExp(`^the program cannot be run: ${why.source}`));
    expect(daemon.log.items.filter(({ output }) => output === 'stderr')).toEqual([]);
  });

  test('logs what its program writes to standard error in pieces, digits too', async () => {
    const stream = "printf 1 >&2; sleep 0.1; printf '2345678901234567890\\n\\nlast\\n' >&2; exit 1";
    await using daemon = await startDaemon({ topics: { t: { stream, always: true } } });
    await daemon.logged('source is failing');
    const logged = daemon.log.items.filter(({ output }) => output === 'stderr').map(({ msg }) => msg);
    expect(logged).toEqual(['12345678901234567890', '', 'last']);
  });

  test('loses no line of a program that prints a lot, beside ten that print without end', async () => {
    const lines = 30_000;
    const numbers = { stream: `seq ${lines}; exec sleep 1000` };
    await using daemon = await startDaemon({
      topics: { t: numbers, tick: { interval: '20ms', data: 1, always: true }, ...floods(10) },
    });
    await using client = daemon.connect();
    let last = 0;
    for await (const { data, seq } of client.listen<number>('t')) {
      expect([data, seq]).toEqual([last + 1, last + 1]);
      if (++last === lines) break;
    }
    const { topics } = await daemon.status();
    expect(topics.find(({ topic }) => topic === 't')).toMatchObject({ seq: lines, failures: 0 });
    for (const { topic, seq } of topics) expect(seq, topic).toBeGreaterThan(0);
  });

  test('sends what a program has printed before it exited, however much the readers rest', async () => {
    const topics = { t: { stream: 'seq 20000; exit 1', history: 20_000 }, ...floods(5) };
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    let last = 0;
    for await (const { data } of client.listen<number>('t')) {
      expect(data).toBe(++last);
      if (last === 20_000) break;
    }
  });

  test('with `every` sends the newest line of each period, and counts the others', async () => {
    const stream = 'seq 1000; exec sleep 1000';
    await using daemon = await startDaemon({ topics: { t: { stream, every: '100ms' } } });
    await using client = daemon.connect();
    const sent: number[] = [];
    for await (const { data } of client.listen<number>('t')) {
      sent.push(data);
      if (data === 1000) break;
    }
    expect(sent[0]).toBe(1);
    expect(sent.length).toBeLessThan(500);
    expect((await daemon.status()).totals?.omitted).toBe(1000 - sent.length);
  });

  test('limits how many lines of standard error are logged', async () => {
    const stream = 'yes warning | head -n 1000 >&2; echo 1; exec sleep 1000';
    await using daemon = await startDaemon({ topics: { t: { stream, always: true } } });
    const { dropped } = await daemon.logged('the program logs too much: lines were dropped');
    expect(dropped).toBe(980);
  });

  test('starts again when a reload changes its program, after the former one has ended', async () => {
    const topics = (word: string) => ({ topics: { t: { stream: `echo ${word} $$; exec sleep 1000` } } });
    await using daemon = await startDaemon(topics('one'));
    await using client = daemon.connect();
    const messages = client.listen<string>('t');
    const [, pid] = (await messages.next()).value!.data.split(' ');
    await daemon.reload(topics('two'));
    expect((await messages.next()).value!.data).toMatch(/^two /);
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('ends with the daemon', async () => {
    const stream = 'echo $$; exec sleep 1000';
    await using daemon = await startDaemon({ topics: { t: { stream, always: true } } });
    const [pid] = (await heard(daemon, 't', 1)) as [number];
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });
});

describe.concurrent('chimed check --run', () => {
  test('takes the first line of a stream, and a quiet stream is no failure', async () => {
    await using daemon = await startDaemon({ topics: {} });
    const topics = { talks: { stream: 'echo hello; exec sleep 1000' }, waits: { stream: ['sleep', '1000'] } };
    writeFileSync(daemon.configFile, JSON.stringify({ topics }));
    const { exitCode, stdout } = await chimed(['check', '--run', daemon.configFile]);
    expect(stdout).toMatch(/^talks: 7 bytes in /m);
    expect(stdout).toMatch(/^waits: sent nothing within 10 s$/m);
    expect(stdout).toMatch(/2 topics, no mistakes$/m);
    expect(exitCode).toBe(0);
  });

  test('reports a stream that ends at once', async () => {
    await using daemon = await startDaemon({ topics: {} });
    writeFileSync(daemon.configFile, JSON.stringify({ topics: { t: { stream: 'exit 4' } } }));
    const { exitCode, stdout } = await chimed(['check', '--run', daemon.configFile]);
    expect(stdout).toMatch(/^t: FAILED after .* ms: the program exited with 4$/m);
    expect(exitCode).toBe(1);
  });

  test('reports a stream that sends a line and ends', async () => {
    await using daemon = await startDaemon({ topics: {} });
    writeFileSync(daemon.configFile, JSON.stringify({ topics: { t: { stream: 'echo one; exit 3' } } }));
    const { exitCode, stdout } = await chimed(['check', '--run', daemon.configFile]);
    expect(stdout).toMatch(
      /^t: FAILED after .* ms: it sent a message and ended: the program exited with 3; a stream must keep running$/m,
    );
    expect(exitCode).toBe(1);
  });
});

/** Topics of programs that print without end, to which clients listen. */
function floods(count: number): object {
  const names = Array.from({ length: count }, (_, index) => `flood${index}`);
  return Object.fromEntries(names.map((name) => [name, { stream: ['yes'], always: true }]));
}
