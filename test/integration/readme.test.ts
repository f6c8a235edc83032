import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { topicSchema } from '../../src/config/schema.ts';
import { unknownKey } from '../../src/config/read-settings.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { Inbox } from '../helpers/inbox.ts';
import { Program, chimed, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { readmeTables } from '../helpers/readme-tables.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const topics = {
  message: { interval: '100ms', data: 'hello client' },
  'host.load': { interval: '100ms', host: 'load' },
};

/** The code blocks of one language, in their order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code!);
}

test.each(Object.entries(readmeTables))('the table of %s says what the code says', (_, table) => {
  expect(readme).toContain(table);
});

test('the mistakes name the keys that there are', () => {
  expect(readme).toContain(`intervall: ${unknownKey('intervall', Object.keys(topicSchema))}\n`);
});

test('the files of conf.d are those that are read', () => {
  expect(readme).toContain('`conf.d/*.yaml` and `conf.d/*.yml`');
});

test('the configuration has no mistakes', async () => {
  await using daemon = await startDaemon(blocks('yaml')[0]!);
  expect((await daemon.status()).topics).toHaveLength(4);
});

test('--help is as it is shown', async () => {
  const { stdout } = await chimed(['--help']);
  expect(readme).toContain(stdout);
});

describe.concurrent('the examples hear a daemon', () => {
  test('in Node', async () => {
    await using daemon = await startDaemon({ topics });
    const script = daemon.folder.file('example.ts');
    const example = blocks('js').find((code) => code.includes("from 'chimed'"))!;
    writeFileSync(script, example.replace("'chimed'", JSON.stringify(join(root, 'src/index.ts'))));
    await using program = new Program([script], { CHIMED_SOCKET_PATH: daemon.socket });
    await program.stdout.find((line) => line.startsWith('host.load 2 ['));
  });

  test.skipIf(!has('python3'))('in Python', async () => {
    await using daemon = await startDaemon({ topics });
    const script = daemon.folder.file('example.py');
    writeFileSync(script, blocks('python')[0]!);
    const lines = await output('python3', [script, daemon.socket]);
    await lines.find((line) => /^message \d+ hello client$/.test(line));
    await lines.find((line) => line.startsWith('host.load '));
  });

  test.skipIf(!has('socat'))('in the shell', async () => {
    await using daemon = await startDaemon({ topics });
    const line = blocks('sh').find((code) => code.includes('socat'))!;
    const frames = await output('sh', ['-c', line.replace('/run/chimed/chimed.sock', daemon.socket)], '\f');
    await frames.find((frame) => frame.includes('"data":"hello client","seq":2,'));
  });
});

/** Starts a program whose output is ours to read; it ends when its daemon does. */
async function output(command: string, args: string[], separator = '\n'): Promise<Inbox<string>> {
  const inbox = new Inbox<string>();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const pieces = (rest + text).split(separator);
    rest = pieces.pop()!;
    for (const piece of pieces) inbox.push(piece);
  });
  child.on('close', () => inbox.end(`${command} has ended`));
  return inbox;
}
