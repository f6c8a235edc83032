import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { cli } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { Tmux } from './tmux.ts';

/** Would clear the screen, write at its top, set its title, and make all that follows red. */
const HOSTILE = '\u001b[2J\u001b[1;1Hpwned\u001b]0;pwned\u0007\u009b31m';
const topics = {
  count: { interval: '200ms', command: 'date +1%N' },
  evil: { interval: '1s', data: HOSTILE },
  'host.load': { interval: '1s', host: 'load' },
  price: { publish: true },
  raid: { interval: '1s', command: 'echo md0 is degraded >&2; exit 1' },
  wide: { interval: '1s', data: '日本語👩‍👩‍👧' },
};

describe.skipIf(!has('tmux'))('chimed top in tmux', () => {
  let folder: Folder;
  let daemon: TestDaemon;

  beforeAll(async () => {
    folder = temporaryFolder();
    daemon = await startDaemon({ topics }, { folder });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** A shell in tmux that runs `chimed top`, with the pid of that. */
  async function top(args = '', env: NodeJS.ProcessEnv = {}): Promise<Tmux & { pid: number }> {
    const variables = { CHIMED_SOCKET_PATH: daemon.socket, ...env, LC_ALL: 'C.UTF-8' };
    const tmux = new Tmux('bash --norc --noprofile -i', variables);
    try {
      await tmux.shows(/[#$] *$/m);
      const { folder: own } = tmux;
      tmux.type(`PS1='$ '; stty -a > ${own.file('before')}; echo "be""fore"\n`);
      await tmux.shows(/^before$/m);
      const program = `exec '${process.execPath}' '${cli}' top ${args}`;
      writeFileSync(own.file('run'), `echo $$ > ${own.file('pid')}\n${program}\n`);
      tmux.type(`sh ${own.file('run')}; echo "exit $?"\n`);
      await tmux.shows(/^chimed \S+ connected/);
      return Object.assign(tmux, { pid: Number(readFileSync(own.file('pid'), 'utf8')) });
    } catch (error) {
      await tmux[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The terminal is as it was before. */
  async function restored(tmux: Tmux): Promise<void> {
    await tmux.shows(/^exit \d+$/m);
    expect(tmux.screen()).toMatch(/^before$/m);
    expect(tmux.about('alternate_on')).toBe('0');
    expect(tmux.about('cursor_flag')).toBe('1');
    tmux.type(`stty -a > ${tmux.folder.file('after')}; echo "af""ter"\n`);
    await tmux.shows(/^after$/m);
    const mode = (name: string): string => readFileSync(tmux.folder.file(name), 'utf8').replace(/rows.*/, '');
    expect(mode('after')).toBe(mode('before'));
  }

  const row = (screen: string, topic: string): string =>
    screen.split('\n').find((line) => line.slice(1).startsWith(`${topic} `)) ?? '';

  test('values, trends and failures appear and change; keys sort, filter and show a detail', async () => {
    await using tmux = await top('--interval 200ms');
    const first = await tmux.shows((screen) => /[▂-█]/.test(row(screen, 'count')));
    expect(tmux.about('alternate_on')).toBe('1');
    expect(tmux.about('cursor_flag')).toBe('0');
    await tmux.shows((screen) => row(screen, 'count') !== row(first, 'count'));
    await tmux.shows((screen) => row(screen, 'raid').includes('failing: the command ex'));
    expect(tmux.screen(true)).toContain('\u001b[31mfailing');
    await using publisher = daemon.connect();
    await publisher.publish('price', { eur: 12.5 });
    await tmux.shows((screen) => row(screen, 'price').includes('{"eur":12.5}'));

    tmux.press('s', 's', 's', 's');
    await tmux.shows(/^topics by failed$[^]*^ TOPIC.*\n.raid/m);
    tmux.press('r');
    await tmux.shows((screen) => /by failed, reversed/.test(screen) && /^.raid .*\n\s*\n/m.test(screen));

    tmux.press('/');
    tmux.type('PRI');
    await tmux.shows(/^filter: PRI/m);
    tmux.press('Enter');
    await tmux.shows(/1 of 6 contain "PRI"/);
    tmux.press('Enter');
    await tmux.shows(/^eur +12\.5 +12\.5 +12\.5 ▁+$[^]*^ {2}"eur": 12\.5$/m);
    tmux.press('Escape');
    await tmux.shows(/^>price/m);
    tmux.press('Escape');
    await tmux.shows((screen) => row(screen, 'count') !== '');

    tmux.press('c');
    await tmux.shows(/^clients by id[^]*MISSED[^]*chimed top/m);
    tmux.press('?');
    await tmux.shows(/^q, Ctrl-C +quit$/m);
    tmux.press('q');
    await restored(tmux);
    expect(tmux.screen()).toMatch(/^exit 0$/m);
  });

  test('a pause keeps the screen as it is', async () => {
    await using tmux = await top('--interval 100ms');
    await tmux.shows((screen) => row(screen, 'count').includes('█'));
    tmux.press('Space');
    const paused = await tmux.shows(/^PAUSED/m);
    await using client = daemon.connect();
    const messages = client.listen('count');
    for (let heard = 0; heard < 4; heard++) await messages.next();
    expect(tmux.screen()).toBe(paused);
    tmux.press('Space');
    await tmux.shows((screen) => !screen.includes('PAUSED') && row(screen, 'count') !== row(paused, 'count'));
  });

  test('draws again when the terminal is resized, and says when it is too small', async () => {
    await using tmux = await top();
    await tmux.shows((screen) => row(screen, 'host.load').includes('['));
    tmux.resize(40, 10);
    const small = await tmux.shows((screen) => /^ TOPIC +VALUE +AGE$/m.test(screen));
    expect(small.trimEnd().split('\n')).toHaveLength(10);
    tmux.resize(20, 5);
    await tmux.shows(/^Too small\.\nThe terminal has 20…/);
    tmux.resize(120, 12);
    await tmux.shows(/^ TOPIC .* CLIENTS$/m);
    tmux.resize(80, 24);
    const screen = await tmux.shows((text) => /FAILED$/m.test(text) && row(text, 'wide').includes('日'));
    expect(row(screen, 'wide')).toContain('日本語👩‍👩‍👧');
  });

  test('a payload with escape sequences is text', async () => {
    await using tmux = await top();
    const screen = await tmux.shows((text) => row(text, 'evil').includes('\\x1b[2J\\x1b'));
    expect(screen).toMatch(/^chimed \S+ connected/);
    expect(tmux.about('pane_title')).not.toContain('pwned');
    tmux.press('j', 'Enter');
    await tmux.shows(/^\\x1b\[2J\\x1b\[1;1Hpwned\\x1b\]0;pwned\\x07\\x9b31m$/m);
  });

  test.each([
    ['--no-color', {}],
    ['', { NO_COLOR: '1' }],
  ])('with %j and %j there is no colour, and the selected row has a mark', async (args, env) => {
    await using tmux = await top(args, env);
    await tmux.shows((screen) => row(screen, 'raid').includes('failing'));
    expect(tmux.screen()).toMatch(/^>count/m);
    expect(tmux.screen(true)).not.toContain('\u001b[');
  });

  test('shows why there is no daemon, keeps the last values, and goes on when it is back', async () => {
    using place = temporaryFolder();
    const config = { topics: { 'host.load': topics['host.load'] } };
    const one = await startDaemon(config, { folder: place });
    await using tmux = await top('--interval 200ms', { CHIMED_SOCKET_PATH: one.socket });
    await tmux.shows((screen) => row(screen, 'host.load').includes('['));
    await one.program.kill('SIGTERM').ended;
    const waiting = await tmux.shows(/^waiting for the daemon \(values are \S+ old\): /);
    expect(row(waiting, 'host.load')).toMatch(/\[.* \d+s old /);
    await using two = await startDaemon(config, { folder: place });
    const again = await tmux.shows(/^chimed \S+ connected/);
    expect(again).not.toContain(' old');
    expect((await two.status()).clients).toHaveLength(2);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s restores the terminal', async (signal) => {
    await using tmux = await top();
    process.kill(tmux.pid, signal);
    await restored(tmux);
    expect(tmux.screen()).toMatch(/^exit 0$/m);
  });

  test('Ctrl-C restores the terminal', async () => {
    await using tmux = await top();
    tmux.press('C-c');
    await restored(tmux);
  });

  test('an error that nothing catches restores the terminal, and is shown', async () => {
    const fault = `data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('a fault')})`;
    await using tmux = await top('', { NODE_OPTIONS: `--import "${fault}"` });
    process.kill(tmux.pid, 'SIGUSR2');
    await restored(tmux);
    expect(tmux.screen()).toMatch(/Error: a fault[^]*^exit 1$/m);
  });

  test.each([
    ['Ctrl-Z', (tmux: Tmux) => tmux.press('C-z')],
    ['SIGTSTP', (tmux: Tmux & { pid: number }) => process.kill(tmux.pid, 'SIGTSTP')],
  ])('%s gives the terminal back, and fg takes it again', async (_, stop) => {
    await using tmux = await top();
    stop(tmux);
    await tmux.shows(/Stopped/);
    expect(tmux.about('alternate_on')).toBe('0');
    tmux.type('stty -a\n');
    await tmux.shows(/ icanon .* echo /s);
    tmux.type('fg\n');
    await tmux.shows(/^chimed \S+ connected[^]*^.count/m);
    expect(tmux.about('alternate_on')).toBe('1');
    tmux.press('q');
    await tmux.shows(/^before$/m);
    expect(tmux.about('alternate_on')).toBe('0');
  });

  test('draws all again after SIGSTOP and SIGCONT', async () => {
    await using tmux = await top();
    process.kill(tmux.pid, 'SIGSTOP');
    await tmux.shows(/Stopped/);
    tmux.type('fg\n');
    await tmux.shows(
      (screen) => /^chimed \S+ connected[^]*^.count/m.test(screen) && !screen.includes('Stopped'),
    );
  });

  test('ends when the terminal is closed', async () => {
    const tmux = await top();
    await tmux[Symbol.asyncDispose]();
    const state = (): string => {
      try {
        return execFileSync('ps', ['-o', 'stat=', '-p', String(tmux.pid)], { encoding: 'utf8' }).trim();
      } catch {
        return 'gone';
      }
    };
    await expect.poll(state, { timeout: 30_000 }).toMatch(/^(gone|Z)/);
  });

  test('--once prints a frame', async () => {
    const options = { env: { ...process.env, CHIMED_SOCKET_PATH: daemon.socket }, encoding: 'utf8' } as const;
    const output = execFileSync('sh', ['-c', `'${process.execPath}' '${cli}' top --once | cat`], options);
    expect(row(` ${output.replaceAll('\n', '\n ')}`, 'host.load')).toContain('[');
  });
});
