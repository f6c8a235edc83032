import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { cli, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { Terminal } from './terminal.ts';

const scripts = join(root, 'dist/completions');
const bash = `source ${scripts}/chimed.bash`;
const bashSetup = [`bind 'set show-all-if-ambiguous on'`, `bind 'set bell-style none'`, bash];
const zshSetup = [
  `fpath=(${scripts} $fpath); autoload -Uz compinit; compinit -u -D; setopt no_beep`,
  `zstyle ':completion:*' list-separator '--'`,
];

/** A file that exists once something ran that must not. */
const TRAP = 'trap';
/** What would run, were it expanded. */
const traps = [
  `$(touch ${TRAP})`,
  `\`touch ${TRAP}\``,
  `x;touch ${TRAP}`,
  `(touch ${TRAP})`,
  `<(touch ${TRAP})`,
  '*',
];
/** Lines on which something that would run stands before the cursor. */
const linesWithTraps = [
  `chimed listen $(touch ${TRAP}) goo`,
  `chimed listen '$(touch ${TRAP})' goo`,
  `chimed listen "'\`touch ${TRAP}\`'" goo`,
  `chimed listen --socket '$(touch ${TRAP})' goo`,
  `chimed listen '*' 'host.>' goo`,
  `chimed on --where '$(touch ${TRAP})' '*' goo`,
];

const folder = temporaryFolder();
let daemon: TestDaemon;

/** A directory with a `chimed`, and the environment in which a shell finds it first. */
function environment(name: string, makeCommand: (path: string) => void): NodeJS.ProcessEnv {
  mkdirSync(folder.file(name));
  makeCommand(join(folder.file(name), 'chimed'));
  return {
    PATH: [folder.file(name), process.env['PATH']].join(delimiter),
    CHIMED_SOCKET_PATH: daemon.socket,
    HOME: folder.path,
  };
}

let env: NodeJS.ProcessEnv;
/** There, chimed is a program that names topics after commands. */
let hostileEnv: NodeJS.ProcessEnv;

beforeAll(async () => {
  const topics = ['host.load', 'host.memory', 'price'].map((name) => [name, { publish: true }]);
  daemon = await startDaemon({ topics: Object.fromEntries(topics) });
  env = environment('bin', (path) => symlinkSync(cli, path));
  hostileEnv = environment('hostile', (path) => {
    const lines = [...traps, 'good.topic'].map((line) => `'${line}'`);
    writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' ${lines.join(' ')}\n`);
    chmodSync(path, 0o755);
  });
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const runs = (file: string): boolean => existsSync(folder.file(file));

describe.each([
  ['bash', 'bash --norc --noprofile -i', bashSetup],
  ['zsh', 'zsh -f -i', zshSetup],
] as const)('%s', (shell, command, setup) => {
  const isMissing = !has(shell) || !has('script');

  async function open(variables: NodeJS.ProcessEnv, lines: readonly string[] = setup): Promise<Terminal> {
    const terminal = new Terminal(command, folder.path, variables);
    for (const line of lines) await terminal.run(line);
    return terminal;
  }

  test.skipIf(isMissing)('completes commands, options, choices and topics', async () => {
    await using terminal = await open(env);
    await terminal.completes('chimed lis', /chimed listen /);
    await terminal.completes('chimed service unin', /service uninstall /);
    await terminal.completes('chimed status --wat', /status --watch /);
    await terminal.completes('chimed status --sort la', /--sort late /);
    await terminal.completes('chimed status --sort=la', /--sort=late /);
    await terminal.completes('chimed help pub', /help publish /);
    await terminal.completes('chimed completion fi', /completion fish /);
    await terminal.completes('chimed get host.l', /get host\.load /);
    await terminal.completes('chimed listen price host.', /host\.load\s+host\.memory/);
    await terminal.completes("chimed listen 'host.m", /listen 'host\.memory'/);
  });

  test.skipIf(isMissing)('completes topics, and behind -- a command and its files', async () => {
    writeFileSync(folder.file('my-script.sh'), '');
    await using terminal = await open(env);
    await terminal.completes('chimed on host.l', /on host\.load /);
    await terminal.completes('chimed on host.load --on-', /load --on-change /);
    await terminal.completes('chimed on host.load -- mkfif', /-- mkfifo /);
    await terminal.completes('chimed on host.load -- cat my-scr', /-- cat my-script\.sh /);
    await terminal.completes('chimed on host.load --jobs 2 -- sh -x my-scr', /sh -x my-script\.sh /);
  });

  test.skipIf(isMissing)('completes the names of files', async () => {
    writeFileSync(folder.file('my-topics.yaml'), '');
    await using terminal = await open(env);
    await terminal.completes('chimed check my-t', /check my-topics\.yaml /);
    await terminal.completes('chimed sample price --config my-t', /--config my-topics\.yaml /);
  });

  test.skipIf(isMissing)('asks the daemon that --socket names', async () => {
    await using other = await startDaemon({ topics: { 'other.topic': { publish: true } } });
    await using terminal = await open(env);
    await terminal.completes(`chimed listen --socket ${other.socket} oth`, /other\.topic /);
    await terminal.completes(`chimed listen -s ${other.socket} oth`, /other\.topic /);
  });

  test.skipIf(isMissing)('completes by the script that chimed completion prints', async () => {
    const lines = setup.map((line) => (line === bash ? 'true' : line.replace(`${scripts} `, '')));
    await using terminal = await open(env, [...lines, `source <(chimed completion ${shell})`]);
    await terminal.completes('chimed get host.l', /get host\.load /);
  });

  test.skipIf(isMissing)('runs nothing that is on the line, or that names a topic', async () => {
    await using terminal = await open(hostileEnv);
    await terminal.completes('chimed listen ', /good\.topic /);
    for (const line of linesWithTraps) await terminal.completes(line, /good\.topic /);
    await terminal.run('chimed listen good.topic');
    expect(runs(TRAP)).toBe(false);
    await terminal.run(`eval ': $(touch ${TRAP}-set)'`);
    expect(runs(`${TRAP}-set`), 'the trap works').toBe(true);
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  /** The candidates for a part of a line. */
  function candidates(line: string, variables = env): string[] {
    const script = `source ${scripts}/chimed.fish; complete -C $argv[1]`;
    const options = { cwd: folder.path, env: { ...process.env, ...variables }, encoding: 'utf8' } as const;
    const output = execFileSync('fish', ['--no-config', '-c', script, line], options);
    return output
      .split('\n')
      .filter(Boolean)
      .map((candidate) => candidate.split('\t')[0]!);
  }

  /** Topics may not come in time on a busy machine. */
  function topics(line: string, variables = env): string[] {
    for (;;) {
      const found = candidates(line, variables);
      if (found.length > 0) return found;
    }
  }

  test('completes commands, options, choices and topics', () => {
    expect(candidates('chimed lis')).toEqual(['listen']);
    expect(candidates('chimed service ')).toEqual(['install', 'uninstall']);
    expect(candidates('chimed status --wat')).toEqual(['--watch']);
    expect(candidates('chimed status --sort la')).toEqual(['late']);
    expect(candidates('chimed status --sort=la')).toEqual(['--sort=late']);
    expect(candidates('chimed help pub')).toEqual(['publish']);
    expect(candidates('chimed completion fi')).toEqual(['fish']);
    expect(topics('chimed get host.l')).toEqual(['host.load']);
    expect(topics('chimed listen price host.')).toEqual(['host.load', 'host.memory']);
    expect(topics("chimed listen 'host.m")).toEqual(['host.memory']);
    expect(candidates('chimed get price ')).toEqual([]);
  });

  test('completes topics, and behind -- a command and its files', () => {
    writeFileSync(folder.file('fish-script.sh'), '');
    expect(topics('chimed on host.l')).toEqual(['host.load']);
    expect(candidates('chimed on host.load --on-')).toEqual(['--on-change']);
    expect(candidates('chimed on host.load -- mkfif')).toContain('mkfifo');
    expect(candidates('chimed on host.load -- cat fish-s')).toEqual(['fish-script.sh']);
    expect(candidates('chimed on host.load --jobs 2 -- sh -x fish-s')).toEqual(['fish-script.sh']);
    expect(candidates('chimed on host.load -- cat host.')).toEqual([]);
  });

  test('completes the names of files', () => {
    writeFileSync(folder.file('fish-topics.yaml'), '');
    expect(candidates('chimed check fish-t')).toEqual(['fish-topics.yaml']);
    expect(candidates('chimed sample price --config fish-t')).toEqual(['fish-topics.yaml']);
  });

  test('asks the daemon that --socket names', async () => {
    await using other = await startDaemon({ topics: { 'other.topic': { publish: true } } });
    for (const option of ['--socket ', '--socket=', '-s '])
      expect(topics(`chimed listen ${option}${other.socket} oth`)).toEqual(['other.topic']);
  });

  test('runs nothing that is on the line, or that names a topic', () => {
    expect(candidates('chimed listen ', hostileEnv)).toEqual(['good.topic']);
    for (const line of linesWithTraps) expect(candidates(line, hostileEnv)).toEqual(['good.topic']);
    expect(candidates(`chimed listen (touch ${TRAP}) goo`, hostileEnv)).toEqual(['good.topic']);
    expect(runs(TRAP)).toBe(false);
  });
});
