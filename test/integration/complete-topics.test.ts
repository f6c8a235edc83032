import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { collectTopics } from '../../src/cli/complete-topics.ts';
import { completionScript, shells } from '../../src/cli/completion/script.ts';
import { createProgram } from '../../src/cli/program.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Impostor } from '../helpers/impostor.ts';
import { chimed } from '../helpers/program.ts';

const SILENT = { exitCode: 0, stdout: '', stderr: '' };
const isRoot = process.getuid!() === 0;
if (isRoot) process.stderr.write('SKIPPED: root may use any socket; run the tests as another user\n');

async function topicsBelow(prefix: string, ...sockets: string[]): Promise<string[]> {
  const names: string[] = [];
  await collectTopics(names, prefix, sockets);
  return names;
}

describe.concurrent('complete-topics', () => {
  test('prints the topics that begin with a text', async () => {
    const topics = ['host.load', 'host.memory', 'hostile', 'price'].map((name) => [name, { publish: true }]);
    await using daemon = await startDaemon({ topics: Object.fromEntries(topics) });
    expect(await topicsBelow('', daemon.socket)).toEqual(['host.load', 'host.memory', 'hostile', 'price']);
    expect(await topicsBelow('host', daemon.socket)).toEqual(['host.load', 'host.memory', 'hostile']);
    expect(await topicsBelow('host.l', daemon.socket)).toEqual(['host.load']);
    expect(await topicsBelow('x', daemon.socket)).toEqual([]);
  });

  test('passes over places where no daemon listens', async () => {
    await using daemon = await startDaemon({ topics: { tick: { interval: '1s', data: 1 } } });
    expect(await topicsBelow('', daemon.folder.file('none'), daemon.socket)).toEqual(['tick']);
  });

  test('asks for one page after the other', async () => {
    const topics = Array.from({ length: 450 }, (_, index) => [`t${index}`, { publish: true }]);
    await using daemon = await startDaemon({ topics: Object.fromEntries(topics) });
    expect(new Set(await topicsBelow('', daemon.socket)).size).toBe(450);
  });

  test('logs nothing and wakes no topic', async () => {
    await using daemon = await startDaemon({ topics: { tick: { interval: '1s', data: 1 } } });
    const before = daemon.log.items.length;
    await topicsBelow('', daemon.socket);
    expect(daemon.log.items.slice(before)).toEqual([]);
    expect((await daemon.status()).topics[0]).toMatchObject({ awake: false, seq: 0 });
  });

  test('is silent where there is no daemon', async () => {
    using folder = temporaryFolder();
    expect(await chimed(['complete-topics', '', folder.file('none')])).toEqual(SILENT);
    const env = { CHIMED_SOCKET_PATH: folder.file('none') };
    expect(await chimed(['complete-topics'], { env })).toEqual(SILENT);
  });

  test('is silent where the daemon does not answer, and waits no longer than it must', async () => {
    using folder = temporaryFolder();
    await using _impostor = await Impostor.listen(folder.file('s'));
    expect(await chimed(['complete-topics', '', folder.file('s')])).toEqual(SILENT);
  });

  test.skipIf(isRoot)('is silent where the user may not connect', async () => {
    await using daemon = await startDaemon({ topics: { tick: { interval: '1s', data: 1 } } });
    chmodSync(daemon.socket, 0);
    expect(await chimed(['complete-topics', '', daemon.socket])).toEqual(SILENT);
  });

  test.each([
    'no frame\f',
    '{"type":"chimed.status"}\f',
    '{"type":"chimed.status","data":{"topics":[null]}}\f',
  ])('is silent where something else answers: %j', async (answer) => {
    using folder = temporaryFolder();
    await using _impostor = await Impostor.listen(folder.file('s'), answer);
    expect(await chimed(['complete-topics', '', folder.file('s')])).toEqual(SILENT);
  });

  test('prints no name that a shell or a terminal has a meaning for', async () => {
    using folder = temporaryFolder();
    const names = [
      '$(id)',
      '`id`',
      'a;id',
      'a b',
      '*',
      '../x',
      '-x\n-y',
      '\u001b[2J',
      'chimed.x',
      7,
      'host.load',
    ];
    const data = { topics: names.map((topic) => ({ topic })), topicCount: names.length };
    const answer = `${JSON.stringify({ type: 'chimed.status', data })}\f`;
    await using _impostor = await Impostor.listen(folder.file('s'), answer);
    expect(await topicsBelow('', folder.file('s'))).toEqual(['host.load']);
  });

  test('asks nobody for a beginning that no topic can have', async () => {
    await using daemon = await startDaemon({ topics: { tick: { interval: '1s', data: 1 } } });
    for (const prefix of ['$(id).', 'a..', '. ', 'chimed.'])
      expect(await topicsBelow(prefix, daemon.socket)).toEqual([]);
  });
});

test.each(shells)('chimed completion %s prints the script', async (shell) => {
  const { exitCode, stdout, stderr } = await chimed(['completion', shell]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(`${stdout}\n`).toBe(
    completionScript(
      shell,
      createProgram(() => {}),
    ),
  );
});

test('chimed completion names the shells that there are', async () => {
  const { exitCode, stderr } = await chimed(['completion', 'tcsh']);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
  expect(exitCode).toBe(64);
});
