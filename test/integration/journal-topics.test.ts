import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { journalPrograms, writeEntries } from '../helpers/journal-files.ts';
import { childrenOf, isAlive } from '../helpers/processes.ts';
import { has } from '../helpers/programs-here.ts';

interface Entry {
  message: string;
  cursor: string;
  [key: string]: unknown;
}

/** A daemon with a topic of a journal of its own, which has one entry. */
class JournalDaemon implements AsyncDisposable {
  readonly folder = temporaryFolder();
  readonly journal = this.folder.file('journal');
  readonly file = join(this.journal, 'a.journal');
  daemon!: TestDaemon;

  static async start(matches: object = {}, more: object = {}, env = {}): Promise<JournalDaemon> {
    const one = new JournalDaemon();
    mkdirSync(one.journal);
    writeEntries(one.file, [0]);
    const journal = { directory: one.journal, ...matches };
    const config = { state: { file: one.folder.file('state.json') }, topics: { t: { journal, ...more } } };
    one.daemon = await startDaemon(config, { folder: one.folder, env });
    return one;
  }

  /** The daemon ends, and another one begins where it was. */
  async restart(between: () => void): Promise<void> {
    const config = readFileSync(this.daemon.configFile, 'utf8');
    expect(await this.daemon.program.kill('SIGTERM').ended).toBe(0);
    between();
    this.daemon = await startDaemon(config, { folder: this.folder });
  }

  /** The process that follows the journal, once it waits for changes. */
  async follower(): Promise<number> {
    for (;;) {
      const pid = childrenOf(this.daemon.program.pid).find((child) => {
        const { command, files, isAsleep } = look(child);
        return command.includes('--follow') && files.includes('inotify') && isAsleep;
      });
      if (pid !== undefined) return pid;
      await this.daemon.status();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** What a process runs, which files it has open, and whether it waits for something. */
function look(pid: number): { command: string; files: string; isAsleep: boolean } {
  try {
    const info = [...Array(32).keys()].map((fd) => {
      try {
        return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
      } catch {
        return '';
      }
    });
    const isAsleep = /^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return { command: readFileSync(`/proc/${pid}/cmdline`, 'utf8'), files: info.join(''), isAsleep };
  } catch {
    return { command: '', files: '', isAsleep: false };
  }
}

const skips = !journalPrograms.every((program) => has(program));

describe.skipIf(skips).concurrent('a journal topic', () => {
  test('sends entries that are written from now on, with the fields that they have', async () => {
    await using one = await JournalDaemon.start({ unit: 'nginx', fields: ['COLOUR', 'NONE'] });
    await using client = one.daemon.connect();
    const messages = client.listen<Entry>('t');
    const first = messages.next();
    await one.follower();
    writeEntries(one.file, [1], { COLOUR: 'blue' });
    expect((await first).value!.data).toEqual({
      time: expect.closeTo(Date.now(), -5),
      unit: 'nginx.service',
      identifier: 'nginx',
      pid: 500,
      priority: 'warning',
      message: 'entry 1',
      fields: { COLOUR: 'blue' },
      cursor: expect.stringMatching(/^s=/),
    });
    writeEntries(one.file, [2], { MESSAGE: Buffer.from('\x1b[31mré\x1b[0m') });
    expect((await messages.next()).value!.data.message, 'bytes that cannot be printed').toBe(
      '\x1b[31mré\x1b[0m',
    );
    writeEntries(one.file, [3], { MESSAGE: 'x'.repeat(100_000) });
    expect((await messages.next()).value!.data.message).toHaveLength(100_000);
    writeEntries(one.file, [4], { _PID: 1, _SYSTEMD_UNIT: 'init.scope', UNIT: 'nginx.service' });
    expect((await messages.next()).value!.data, 'of systemd, about the unit').toMatchObject({
      pid: 1,
      unit: 'nginx.service',
    });
  });

  test('sends what its keys select, of any boot', async () => {
    const matches = {
      unit: ['nginx', 'other.timer'],
      priority: 'err',
      identifier: 'nginx',
      match: ['COLOUR=blue', 'COLOUR=red'],
    };
    await using one = await JournalDaemon.start(matches);
    await using client = one.daemon.connect();
    const first = client.listen<Entry>('t').next();
    await one.follower();
    const wanted = { COLOUR: 'red', PRIORITY: 3 };
    writeEntries(one.file, [1], { ...wanted, PRIORITY: 4 });
    writeEntries(one.file, [2], { ...wanted, _SYSTEMD_UNIT: 'third.service' });
    writeEntries(one.file, [3], { ...wanted, SYSLOG_IDENTIFIER: 'else' });
    writeEntries(one.file, [4], { ...wanted, COLOUR: 'green' });
    writeEntries(one.file, [5], { ...wanted, _BOOT_ID: '2'.repeat(32), _SYSTEMD_UNIT: 'other.timer' });
    expect((await first).value!.data.message).toBe('entry 5');
  });

  test('loses no entry and sends none twice when journalctl ends, the topic sleeps and the daemon restarts', async () => {
    await using one = await JournalDaemon.start({}, { history: 100 });
    let number = 0;
    const hears = async (count: number): Promise<void> => {
      await using client = one.daemon.connect();
      // Whoever joins begins with the latest message, if there is one.
      const last = number - count;
      for await (const { data } of client.listen<Entry>('t')) {
        const heard = Number(data.message.split(' ')[1]);
        if (heard <= last) expect(heard).toBe(last);
        if (heard === number) break;
      }
    };
    const write = (count: number): void =>
      writeEntries(
        one.file,
        Array.from({ length: count }, () => ++number),
      );
    await using client = one.daemon.connect();
    const messages = client.listen<Entry>('t');
    const next = messages.next();
    process.kill(await one.follower());
    await one.daemon.logged('source is failing');
    write(1); // Before a first entry was sent, and while nothing follows the journal.
    expect((await next).value!.data.message).toBe('entry 1');
    process.kill(await one.follower());
    write(3);
    for (const expected of [2, 3, 4])
      expect((await messages.next()).value!.data.message).toBe(`entry ${expected}`);
    await client.close();
    write(3);
    await hears(3); // It has slept for less than a minute.
    await one.restart(() => write(3));
    await hears(3);
    await using raw = await one.daemon.raw();
    const { instance } = await one.daemon.status();
    raw.send('chimed.register', { topics: ['t'], resume: { instance, after: { t: 0 } } });
    const all = await raw.messages('t', number);
    expect(all.map(({ data }) => (data as Entry).message)).toEqual(
      Array.from({ length: number }, (_, index) => `entry ${index + 1}`),
    );
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
  });

  test('sends entries that are written after it wakes and before journalctl runs', async () => {
    using programs = temporaryFolder();
    const [gate, passed] = [programs.file('gate'), programs.file('passed')];
    execFileSync('mkfifo', [gate]);
    const waits = `mkdir ${passed} 2>/dev/null && cat ${gate}\nPATH=\${PATH#*:} exec journalctl "$@"`;
    writeFileSync(programs.file('journalctl'), `#!/bin/sh\n${waits}\n`, { mode: 0o755 });
    const env = { PATH: `${programs.path}:${process.env['PATH']}` };
    await using one = await JournalDaemon.start({}, {}, env);
    await using client = one.daemon.connect();
    const first = client.listen<Entry>('t').next();
    const opened = await open(gate, 'w'); // Once the first journalctl has been started.
    writeEntries(one.file, [1]);
    await opened.close();
    expect((await first).value!.data.message).toBe('entry 1');
  });

  test('loses no entry over a short sleep before it has sent any', async () => {
    await using one = await JournalDaemon.start({ match: 'COLOUR=red' });
    const sleeps = async (): Promise<void> => {
      await using client = one.daemon.connect();
      void client.listen<Entry>('t').next();
      const pid = await one.follower();
      await client.close();
      while (isAlive(pid)) await one.daemon.status();
    };
    await sleeps();
    writeEntries(one.file, [1], { COLOUR: 'green' });
    writeEntries(one.file, [2], { COLOUR: 'red' });
    await using client = one.daemon.connect();
    expect((await client.listen<Entry>('t').next()).value!.data.message).toBe('entry 2');
  });

  test('loses no entry over a restart before it has sent any', async () => {
    await using one = await JournalDaemon.start({}, { always: true });
    await one.follower();
    await one.restart(() => writeEntries(one.file, [1]));
    await using client = one.daemon.connect();
    expect((await client.listen<Entry>('t').next()).value!.data.message).toBe('entry 1');
  });

  test('says that entries may be missing if the journal no longer has the last one that was sent', async () => {
    await using one = await JournalDaemon.start();
    await using client = one.daemon.connect();
    const messages = client.listen<Entry>('t');
    const first = messages.next();
    await one.follower();
    writeEntries(one.file, [1]);
    await first;
    const failing = new Promise((resolve) => client.once('failing', resolve));
    process.kill(await one.follower());
    await failing;
    rmSync(one.file);
    writeEntries(join(one.journal, 'b.journal'), [2]);
    await one.daemon.log.find(({ error }) =>
      String(error).startsWith('entries may be missing: the journal no longer has'),
    );
    while ((await messages.next()).value!.data.message !== 'entry 2');
    await one.daemon.logged('source has recovered');
  });

  test('fails if there is no journal', async () => {
    await using daemon = await startDaemon({ topics: { t: { journal: { directory: '.' }, always: true } } });
    const { error } = await daemon.logged('source is failing');
    expect(error).toBe(
      `there is no journal in ${daemon.folder.path} (journal.directory); it must contain files NAME.journal that the daemon's user can read, as /var/log/journal/MACHINE-ID does`,
    );
  });

  test('fails with an entry that is larger than maxBytes, and recovers with the next', async () => {
    await using one = await JournalDaemon.start({}, { maxBytes: '1KiB' });
    await using client = one.daemon.connect();
    const first = client.listen<Entry>('t').next();
    await one.follower();
    writeEntries(one.file, [1], { MESSAGE: 'x'.repeat(2000) });
    writeEntries(one.file, [2], { MESSAGE: 'x'.repeat(200_000) });
    writeEntries(one.file, [3]);
    expect((await first).value!.data.message).toBe('entry 3');
    await one.daemon.logged('source has recovered');
    const errors = one.daemon.log.items.flatMap(({ error }) => (error === undefined ? [] : [error]));
    expect(errors).toEqual([
      'the payload has more than 1024 bytes (maxBytes)',
      'an entry of the journal has more than 1024 bytes (maxBytes)',
    ]);
  });
});

test('a journal topic without journalctl says so', async () => {
  const env = { PATH: '/nowhere' };
  await using daemon = await startDaemon({ topics: { t: { journal: {}, always: true } } }, { env });
  const { error } = await daemon.logged('source is failing');
  expect(error).toBe('journalctl cannot be run: there is no program journalctl in /nowhere (PATH)');
});
