import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Program, chimed, cli, root } from '../helpers/program.ts';

/** Limits on inotify for a daemon alone need a user namespace. */
const hasNamespaces = spawnSync('unshare', ['-Ur', 'true']).status === 0;
if (!hasNamespaces)
  process.stderr.write(
    'SKIPPED: limits on inotify are not tested: this machine has no unshare, or forbids user namespaces\n',
  );

test('a change of a watched file is a message, and what leaves it as it is is none', async () => {
  using folder = temporaryFolder();
  const file = folder.file('version');
  writeFileSync(file, '1.0\n');
  await using daemon = await startDaemon({ topics: { version: { file, watch: true } } });
  await using client = daemon.connect();
  const heard = client.listen('version');
  expect((await heard.next()).value).toMatchObject({ seq: 1, data: '1.0' });
  writeFileSync(file, '1.0\n');
  for (let seq = 2; seq < 6; seq++) {
    writeFileSync(folder.file('new'), `1.${seq}\n`);
    renameSync(folder.file('new'), file);
    expect((await heard.next()).value).toMatchObject({ seq, data: `1.${seq}` });
  }
  expect((await client.status()).topics[0]).toMatchObject({ failures: 0 });
});

test('what changed while nobody listened is the first message', async () => {
  using folder = temporaryFolder();
  const spool = folder.file('spool');
  mkdirSync(spool);
  await using daemon = await startDaemon({ topics: { jobs: { files: `${spool}/*.json`, watch: true } } });
  await using client = daemon.connect();
  for (let round = 0; round < 3; round++) {
    writeFileSync(`${spool}/a.json`, String(round));
    const heard = client.listen('jobs');
    const { value } = await heard.next();
    expect(value!.data).toEqual({ 'a.json': round });
    await heard.return();
  }
});

test('a reload follows another file, and the former one no more', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('a'), 'a');
  writeFileSync(folder.file('b'), 'b');
  const config = (name: string) => ({ topics: { t: { file: folder.file(name), watch: true } } });
  await using daemon = await startDaemon(config('a'));
  await using client = daemon.connect();
  const heard = client.listen('t');
  expect((await heard.next()).value!.data).toBe('a');
  await daemon.reload(config('b'));
  expect((await heard.next()).value!.data).toBe('b');
  writeFileSync(folder.file('a'), 'nobody looks here');
  writeFileSync(folder.file('b'), 'b2');
  expect((await heard.next()).value!.data).toBe('b2');
});

test('a file that is gone fails its topic, which recovers with it', async () => {
  using folder = temporaryFolder();
  const file = folder.file('a');
  writeFileSync(file, 'one');
  await using daemon = await startDaemon({ topics: { t: { file, watch: true, always: true } } });
  await using client = daemon.connect();
  const heard = client.listen('t');
  expect((await heard.next()).value!.data).toBe('one');
  rmSync(file);
  const line = await daemon.logged('source is failing');
  expect(line).toMatchObject({ topic: 't', error: `${file}: No such file or directory` });
  writeFileSync(file, 'two');
  expect((await heard.next()).value!.data).toBe('two');
  await daemon.logged('source has recovered');
});

test('check names what cannot be watched', async () => {
  const topics = { load: { file: '/proc/loadavg', watch: true } };
  const { exitCode, stderr } = await chimed(['check', '-'], { input: JSON.stringify({ topics }) });
  expect(exitCode).toBe(78);
  expect(stderr).toContain('topics.load.watch: watch: true needs a file system that reports changes');
});

describe.skipIf(!hasNamespaces)('without inotify', () => {
  test.each([
    ['instances', 0],
    ['watches', 1],
  ])('the log names the limit on %s once, and the file is read at each tick', async (kind, limit) => {
    using folder = temporaryFolder();
    const topics = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, { file: folder.file(name), watch: true, interval: '100ms' }]),
    );
    writeFileSync(folder.file('a'), 'one');
    writeFileSync(folder.file('b'), 'one');
    writeFileSync(folder.file('c'), 'one');
    writeFileSync(folder.file('c.yaml'), JSON.stringify({ topics }));
    const serve = [process.execPath, cli, 'serve', '--config', folder.file('c.yaml'), '--log-format', 'json'];
    const script = `echo ${limit} > /proc/sys/user/max_inotify_${kind} && exec "$@"`;
    const socket = folder.file('s');
    await using daemon = new Program(
      ['-Ur', 'sh', '-c', script, 'sh', ...serve, '--socket', socket],
      {},
      root,
      'unshare',
    );
    await daemon.stdout.find((line) => line.includes('"listening"'));
    await using client = connect({ socket });
    const heard = client.listen('>');
    for (const _ of 'abc') expect((await heard.next()).value!.data).toBe('one');
    await daemon.stdout.find((line) => line.includes('some changes are noticed only at the next tick'));
    writeFileSync(folder.file('b'), 'two');
    expect((await heard.next()).value).toMatchObject({ topic: 'b', data: 'two' });
    const lines = daemon.stdout.items.filter((line) => line.includes('"watch-incomplete"'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`raise fs.inotify.max_user_${kind} (sysctl)`);
  });
});
