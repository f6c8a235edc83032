import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { chimed } from '../helpers/program.ts';

const interval = '20ms';

test('a listener learns that a source fails, and that it has recovered', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file('disk'), 'DISK OK');
  await using daemon = await startDaemon({ topics: { disk: { interval, file: 'disk' } } }, { folder });
  await using client = daemon.connect();
  const [failing, recovered] = [once(client, 'failing'), once(client, 'recovered')];
  await using messages = client.listen('disk');
  expect((await messages.next()).value).not.toHaveProperty('stale');

  rmSync(folder.file('disk'));
  const failure = { topic: 'disk', error: expect.stringContaining('No such file'), failures: 1 };
  expect(await failing).toEqual([{ ...failure, since: expect.any(Number) }]);

  await using late = daemon.connect();
  const told = once(late, 'failing');
  await using stale = late.listen('disk');
  expect((await stale.next()).value).toMatchObject({ data: 'DISK OK', stale: true });
  expect(await told).toMatchObject([{ topic: 'disk' }]);
  const { stdout, stderr } = await chimed(['listen', 'disk', '--for', '1s', '--socket', daemon.socket]);
  expect(stdout).toMatch(/ disk #\d+ stale DISK OK$/);
  expect(stderr).toMatch(/^chimed: disk is failing: .*No such file or directory$/);

  writeFileSync(folder.file('disk'), 'DISK OK');
  expect(await recovered).toMatchObject([{ topic: 'disk', failures: expect.any(Number) }]);
  expect((await stale.next()).value).not.toHaveProperty('stale');
});

test('a plain socket is told after the last message, and before what follows', async () => {
  await using daemon = await startDaemon({
    topics: { t: { interval: '1h', command: 'echo "no luck" >&2; exit 1' } },
  });
  using first = await daemon.raw();
  first.send('t');
  const { data } = await first.frame('chimed.failing');
  expect(data).toMatchObject({ topic: 't', error: 'the command exited with 1: no luck', failures: 1 });
  using second = await daemon.raw();
  expect(await second.send('t').frame('chimed.failing')).toMatchObject({ data });
});

test('the error has the line that tells: of stderr, else of stdout, and not how a program is used', async () => {
  const commands = {
    said: 'echo "DISK CRITICAL"; exit 2',
    used: "echo 'df: no such disk' >&2; echo \"Try 'df --help' for more information.\" >&2; exit 1",
  };
  const topics = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [name, { interval: '1h', command }]),
  );
  await using daemon = await startDaemon({ topics });
  using client = await daemon.raw();
  client.send('said').send('used');
  const frames = await client.messages('chimed.failing', 2);
  const errors = frames.map((frame) => (frame.data as { error: string }).error);
  expect(errors.toSorted()).toEqual([
    'the command exited with 1: df: no such disk',
    'the command exited with 2: DISK CRITICAL',
  ]);
});
