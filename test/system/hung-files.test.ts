import { execFileSync, spawn } from 'node:child_process';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { HungFileSystem, noHungFileSystem } from '../helpers/hung-fs.ts';
import { isAlive } from '../helpers/processes.ts';
import { chimed } from '../helpers/program.ts';

if (noHungFileSystem) console.warn(`SKIPPED, hung-files.test.ts tests nothing: ${noHungFileSystem}`);

const often = { interval: '50ms', always: true };
const hung = { interval: '100ms', timeout: '300ms', always: true };

/** The first failure of each topic, and how long after the start of the daemon it was logged, in milliseconds. */
async function failures(daemon: TestDaemon, topics: readonly string[]): Promise<Record<string, string>> {
  const lines = await Promise.all(
    topics.map((topic) =>
      daemon.log.find((line) => line.msg === 'source is failing' && line['topic'] === topic),
    ),
  );
  return Object.fromEntries(lines.map((line) => [line['topic'], String(line['error'])]));
}

describe.skipIf(noHungFileSystem)('a file system that never answers', () => {
  test.each(['read', 'open', 'getattr', 'lookup'] as const)(
    'does not answer %s: costs the topics that use it, each at its timeout, and no other; and the daemon ends in time',
    async (silent) => {
      await using fs = await HungFileSystem.mount(silent);
      const files = Object.fromEntries(
        Array.from({ length: 6 }, (_, index) => [`file${index}`, { ...hung, file: fs.file }]),
      );
      const commands = {
        cat: { ...hung, command: ['cat', fs.file] },
        escaped: {
          ...hung,
          command: `setsid cat '${fs.file}' & setsid sh -c 'exec cat "${fs.file}"' & wait`,
        },
        ...(silent === 'lookup' && { program: { ...hung, command: [fs.file] } }),
      };
      const healthy = {
        file: { ...often, file: '/proc/sys/kernel/ostype' },
        command: { ...often, command: 'echo 1' },
        host: { ...often, host: 'load' },
      };
      await using daemon = await startDaemon({
        topics: { ...files, ...commands, ...healthy },
        shutdown: { timeout: '1s' },
      });
      await using client = daemon.connect();
      const begun = performance.now();
      const names = [...Object.keys(files), ...Object.keys(commands)];
      const errors = await failures(daemon, names);
      expect(performance.now() - begun).toBeLessThan(3000);
      for (const error of Object.values(errors))
        expect(error).toContain('it took longer than 300 ms (timeout)');

      // SIGKILL has been tried by the time that they say so.
      const status = async () => (await daemon.status()).topics;
      const stillHangs = async () =>
        (await status()).filter(({ lastError }) => lastError?.includes('still hangs')).length;
      const messages = client.listen(Object.keys(healthy));
      while ((await stillHangs()) < names.length) await messages.next();
      const cats = execFileSync('ps', ['-eo', 'stat,args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(fs.file) && line.startsWith('D'));
      expect(cats.length).toBeLessThanOrEqual(names.length + 1); // One each; the command that escapes has two.

      for (const { topic, seq, failures: failed } of await status()) {
        if (!(topic in healthy)) continue;
        expect([topic, failed]).toEqual([topic, 0]);
        expect(seq, topic).toBeGreaterThan(10);
      }
      const told = performance.now();
      expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
      expect(performance.now() - told).toBeLessThan(2000);
      expect(daemon.log.items.at(-1)!.msg).toBe('stopped');
    },
  );

  test.each(['getattr', 'lookup'] as const)(
    'does not answer %s: it cannot be watched, and check says so without waiting',
    async (silent) => {
      await using fs = await HungFileSystem.mount(silent);
      const topics = {
        one: { file: fs.file, watch: true },
        all: { files: `${fs.directory}/*`, watch: true },
      };
      const { exitCode, stderr } = await chimed(['check', '-'], { input: JSON.stringify({ topics }) });
      expect(exitCode).toBe(78);
      for (const name of Object.keys(topics))
        expect(stderr).toContain(
          `topics.${name}.watch: watch: true needs a file system that reports changes, but ${fs.directory} is on fuse.hung`,
        );
    },
  );

  test.each(['getattr', 'lookup'] as const)(
    'does not answer %s: a watched link that leads there later fails its topic alone, and the log says why',
    async (silent) => {
      await using fs = await HungFileSystem.mount(silent);
      using folder = temporaryFolder();
      const link = folder.file('link');
      writeFileSync(link, 'here');
      await using daemon = await startDaemon({
        topics: {
          tick: { ...often, data: 1 },
          one: { ...hung, interval: '1h', file: link, watch: true },
          all: { ...hung, files: `${fs.directory}/*` },
        },
        shutdown: { timeout: '1s' },
      });
      rmSync(link);
      symlinkSync(fs.file, link);
      const errors = await failures(daemon, ['one', 'all']);
      for (const error of Object.values(errors)) expect(error).toContain('took longer than 300 ms (timeout)');
      expect(await daemon.logged('some changes are noticed only at the next tick')).toMatchObject({
        topic: 'one',
        error: `${fs.directory} is on fuse.hung, which does not report changes`,
      });
      // Two seconds of a busy machine. What never answers would hold up the daemon for ever.
      expect((await daemon.status()).topics.find(({ topic }) => topic === 'tick')!.skippedTicks).toBeLessThan(
        40,
      );
      expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    },
  );

  test('that recovers has its topics recover', async () => {
    const fs = await HungFileSystem.mount('read');
    await using daemon = await startDaemon({ topics: { t: { ...hung, file: fs.file } } });
    await failures(daemon, ['t']);
    await fs[Symbol.asyncDispose]();
    const line = await daemon.log.find(
      ({ error, msg }) => msg !== 'source is failing' || !String(error).includes('timeout'),
    );
    expect(line).toBeDefined();
    const status = async () => (await daemon.status()).topics[0]!.lastError;
    while (!(await status())?.includes('No such file')) await daemon.status();
  });

  test('is not asked for its size by the reading of disks, which leaves it out', async () => {
    await using fs = await HungFileSystem.mount('statfs');
    const asking = spawn('stat', ['--file-system', fs.directory]); // It ends with the file system.
    await using daemon = await startDaemon({ topics: { disks: { ...hung, host: 'disks' } } });
    await using client = daemon.connect();
    const disks = await client.listen('disks').next();
    expect(JSON.stringify(disks.value?.data)).toContain('"mount":"/"');
    expect(JSON.stringify(disks.value?.data)).not.toContain(fs.directory);
    expect((await daemon.status()).topics[0]).toMatchObject({ failures: 0 });
    expect(asking.exitCode, 'the file system does not answer').toBeNull();
  });

  test('holds up neither a reload nor a check when a module or a directory lies there', async () => {
    await using fs = await HungFileSystem.mount('lookup');
    const good = { tick: { ...often, data: 1 } };
    await using daemon = await startDaemon({ topics: good });
    const line = await daemon.reload({ topics: { ...good, m: { ...hung, module: fs.file } } });
    expect(line['error']).toMatch(/cannot be loaded: it took longer than 300 ms/);
    // Blocked for 300 ms, it would have skipped five.
    expect((await daemon.status()).topics[0]!.skippedTicks).toBeLessThan(5);
  });

  test('a second signal ends the daemon at once', async () => {
    await using fs = await HungFileSystem.mount('read');
    await using daemon = await startDaemon({
      topics: { t: { ...hung, timeout: '1m', command: ['cat', fs.file] } },
      shutdown: { timeout: '1m' },
    });
    await using client = daemon.connect();
    await client.status();
    daemon.program.kill('SIGTERM');
    await daemon.logged('stopping');
    const told = performance.now();
    expect(await daemon.program.kill('SIGTERM').ended).toBe(143);
    expect(performance.now() - told).toBeLessThan(1000);
    expect(isAlive(daemon.program.pid)).toBe(false);
  });
});
