import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { TestDaemon, startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { contextSwitches } from '../helpers/proc.ts';
import { Program, cli, root } from '../helpers/program.ts';
import { RawClient } from '../helpers/raw-client.ts';

const topics = { tick: { interval: '20ms', data: 'tock' } };
/** Connects to a socket that is made again within a few seconds. */
async function reachAgain(socket: string): Promise<RawClient> {
  for (;;) {
    try {
      return await RawClient.connect(socket);
    } catch {
      await nextTurn();
    }
  }
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

describe.concurrent('the path of the socket', () => {
  test('has one owner: a second start is refused by its pid, and its clients hear on', async () => {
    await using owner = await startDaemon({ topics });
    using client = await owner.raw();
    await client.send('tick').frame('tick');
    await using second = new TestDaemon({ topics }, { folder: owner.folder });
    expect(await second.program.ended).toBe(1);
    expect(second.program.output.stderr).toBe(
      `chimed: a daemon with pid ${owner.program.pid} owns ${owner.socket}; stop it, or choose another socket.path`,
    );
    const seqs = (await client.messages('tick', 10)).map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    using another = await owner.raw();
    await another.send('tick').frame('tick');
  });

  test('has one owner though eight start in the same moment', async () => {
    using folder = temporaryFolder();
    const daemons = Array.from({ length: 8 }, () => new TestDaemon({ topics }, { folder }));
    const owner = await Promise.any(
      daemons.map(async (daemon) => (await daemon.logged('listening'), daemon)),
    );
    const others = daemons.filter((daemon) => daemon !== owner);
    expect(await Promise.all(others.map(({ program }) => program.ended))).toEqual(others.map(() => 1));
    for (const { program } of others)
      expect(program.output.stderr).toContain(`a daemon with pid ${owner.program.pid} owns`);
    using client = await owner.raw();
    await client.send('tick').frame('tick');
    await owner[Symbol.asyncDispose]();
  });

  test('is taken over from a daemon that was killed', async () => {
    using folder = temporaryFolder();
    const first = await startDaemon({ topics }, { folder });
    await first.program.kill('SIGKILL').ended;
    expect(existsSync(first.socket), 'the stale socket is there').toBe(true);
    await expect(RawClient.connect(first.socket)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await using second = await startDaemon({ topics }, { folder });
    using client = await second.raw();
    await client.send('tick').frame('tick');
  });

  test('is left alone if something else is there', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('s'), 'precious');
    await using daemon = new TestDaemon({ topics }, { folder });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toContain('exists and is not a socket');
    expect(readFileSync(folder.file('s'), 'utf8')).toBe('precious');
  });

  test('is left alone if another program listens there', async () => {
    using folder = temporaryFolder();
    const other = createServer().listen(folder.file('s'));
    await once(other, 'listening');
    await using daemon = new TestDaemon({ topics }, { folder });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toContain('another program listens on');
    using client = await RawClient.connect(folder.file('s'));
    expect(client.socket.readyState).toBe('open');
    other.close();
  });

  test.each<[string, (lock: string, precious: string) => void]>([
    ['a link', (lock, precious) => symlinkSync(precious, lock)],
    ['a second name of another file', (lock, precious) => linkSync(precious, lock)],
    ["somebody's file", (lock) => writeFileSync(lock, 'precious')],
    ['a directory', (lock) => mkdirSync(lock)],
    ['a pipe', (lock) => execFileSync('mkfifo', [lock])],
  ])('is not claimed if its lock is %s, which stays as it is', async (_, make) => {
    using folder = temporaryFolder();
    const precious = folder.file('precious');
    writeFileSync(precious, 'precious');
    make(folder.file('s.lock'), precious);
    const before = lstatSync(folder.file('s.lock'));
    await using daemon = new TestDaemon({ topics }, { folder });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toBe(
      `chimed: ${folder.file('s.lock')} exists and is not a lock of chimed's; move it away, or choose another socket.path`,
    );
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    const { ino, size } = lstatSync(folder.file('s.lock'));
    expect({ ino, size }).toEqual({ ino: before.ino, size: before.size });
  });

  test('is not removed at the end if it is not ours any more', async () => {
    await using daemon = await startDaemon({ topics });
    const other = createServer().listen(daemon.folder.file('other'));
    await once(other, 'listening');
    renameSync(daemon.folder.file('other'), daemon.socket);
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    expect(existsSync(daemon.socket)).toBe(true);
    other.close();
  });

  test('is made again when somebody removes it, and nobody who is connected notices', async () => {
    await using daemon = await startDaemon({ topics });
    using before = await daemon.raw();
    await before.send('tick').frame('tick');
    unlinkSync(daemon.socket);
    const line = await daemon.logged(/^the socket is gone: it was removed/);
    expect(line).toMatchObject({ level: 'error', socket: daemon.socket });
    using after = await daemon.raw();
    await after.send('tick').frame('tick');
    await before.frame('tick', before.frames.items.length);
    unlinkSync(daemon.socket);
    await daemon.logged(/^the socket is gone/, daemon.log.items.indexOf(line) + 1);
    await daemon.status();
    expect(await daemon.program.kill().ended).toBe(0);
    expect(existsSync(daemon.socket)).toBe(false);
  });

  test('is known to the kernel by its own name', async () => {
    await using daemon = await startDaemon({ topics });
    const names = readFileSync('/proc/net/unix', 'utf8').match(/\S+$/gm)!;
    expect(names.filter((name) => name.startsWith(daemon.folder.path))).toEqual([daemon.socket]);
  });

  test.each<[string, (directory: string) => void]>([
    ['removed', (directory) => rmSync(directory, { recursive: true })],
    ['renamed, which does not change the socket', (directory) => renameSync(directory, `${directory}.old`)],
  ])('has one owner though its directory is made again while another starts: %s', async (_, remove) => {
    using folder = temporaryFolder();
    const [directory, socket] = [folder.file('d'), folder.file('d/s')];
    await using daemon = await startDaemon({ topics }, { folder, socket });
    using before = await daemon.raw();
    await before.send('tick').frame('tick');
    remove(directory);
    mkdirSync(directory);
    await using second = new TestDaemon({ topics }, { folder, socket });
    // Whichever has the lock first serves on, and the other one ends: two never run beside each other.
    const ended = await Promise.race(
      [daemon, second].map(async (one) => ({ one, code: await one.program.ended })),
    );
    expect(ended.code).toBe(1);
    const said = JSON.stringify([ended.one.program.output, ended.one.log.items]);
    const owner = ended.one === second ? daemon : second;
    expect(said).toContain(`a daemon with pid ${owner.program.pid} owns ${socket}`);
    using after = await reachAgain(socket);
    await after.send('tick').frame('tick');
    expect(Number(readFileSync(`${socket}.lock`, 'utf8'))).toBe(owner.program.pid);
  });

  test('is claimed again though nobody makes its directory again, with the mode that it had', async () => {
    using folder = temporaryFolder();
    const socket = folder.file('a/b/s');
    await using daemon = await startDaemon({ topics, socket: { mode: '0660' } }, { folder, socket });
    rmSync(folder.file('a'), { recursive: true });
    await daemon.logged(/^the socket is gone: it was removed/);
    using client = await reachAgain(socket);
    await client.send('tick').frame('tick');
    expect([folder.file('a'), folder.file('a/b'), socket].map(modeOf)).toEqual([0o755, 0o755, 0o660]);
    expect(Number(readFileSync(`${socket}.lock`, 'utf8'))).toBe(daemon.program.pid);
  });

  test('gets another lock when somebody removes the lock alone', async () => {
    await using daemon = await startDaemon({ topics });
    unlinkSync(`${daemon.socket}.lock`);
    await daemon.logged(/^the lock beside the socket was removed/);
    expect(Number(readFileSync(`${daemon.socket}.lock`, 'utf8'))).toBe(daemon.program.pid);
    await using second = new TestDaemon({ topics }, { folder: daemon.folder });
    expect(await second.program.ended).toBe(1);
    expect(second.program.output.stderr).toContain(`a daemon with pid ${daemon.program.pid} owns`);
    await daemon.status();
  });

  test('is made again as soon as what took its place is gone', async () => {
    await using daemon = await startDaemon({ topics });
    unlinkSync(daemon.socket);
    writeFileSync(daemon.socket, 'precious');
    await daemon.logged(/^the socket is gone: another file has its path/);
    unlinkSync(daemon.socket);
    using client = await reachAgain(daemon.socket);
    await client.send('tick').frame('tick');
  });

  test('does not have the daemon woken by what else happens in its directory', async () => {
    await using daemon = await startDaemon({ topics });
    const before = contextSwitches(daemon.program.pid);
    for (let count = 0; count < 2000; count++) {
      writeFileSync(daemon.folder.file('other'), String(count));
      if (count % 10 === 0) await nextTurn(); // It has a core to be woken on.
    }
    expect(contextSwitches(daemon.program.pid) - before).toBeLessThan(200);
  });

  test('is left to whatever has taken its place', async () => {
    await using daemon = await startDaemon({ topics });
    writeFileSync(daemon.folder.file('other'), 'precious');
    renameSync(daemon.folder.file('other'), daemon.socket);
    await daemon.logged(/^the socket is gone: another file has its path/);
    expect(await daemon.program.kill().ended).toBe(0);
    expect(readFileSync(daemon.socket, 'utf8')).toBe('precious');
  });

  test('is free again after a stop', async () => {
    await using daemon = await startDaemon({ topics });
    expect(await daemon.program.kill('SIGTERM').ended).toBe(0);
    expect(existsSync(daemon.socket)).toBe(false);
  });
});

describe.concurrent('the socket', () => {
  test('is for its owner alone, unless told otherwise', async () => {
    await using daemon = await startDaemon({ topics });
    expect(modeOf(daemon.socket)).toBe(0o600);
  });

  test('has the mode and the group that were asked for', async () => {
    const group = process.getgid!();
    await using daemon = await startDaemon({ topics, socket: { mode: '0660', group: String(group) } });
    expect(modeOf(daemon.socket)).toBe(0o660);
    expect(lstatSync(daemon.socket).gid).toBe(group);
  });

  test('is made in a directory that is made for it', async () => {
    using folder = temporaryFolder();
    const path = folder.file('a/b/s');
    await using daemon = await startDaemon({ topics }, { folder, socket: path });
    using client = await daemon.raw();
    await client.send('tick').frame('tick');
  });

  test.each(['0660', '0666', '0606'])(
    'of mode %s is in directories that others can pass through, whatever the umask',
    async (mode) => {
      using folder = temporaryFolder();
      const [config, socket] = [folder.file('c.yaml'), folder.file('a/b/s')];
      writeFileSync(config, JSON.stringify({ topics, socket: { mode } }));
      const args = [cli, 'serve', '--config', config, '--socket', socket, '--log-format', 'json'];
      const script = 'umask 077; exec "$0" "$@"';
      await using daemon = new Program(['-c', script, process.execPath, ...args], {}, root, 'sh');
      await daemon.stdout.find((line) => line.includes('"listening"'));
      expect([folder.file('a'), folder.file('a/b')].map(modeOf)).toEqual([0o755, 0o755]);
      expect(modeOf(socket).toString(8).padStart(4, '0')).toBe(mode);
    },
  );
});

describe.concurrent('a socket that cannot be made is one sentence, and leaves nothing behind:', () => {
  test('a path that is too long', async () => {
    using folder = temporaryFolder();
    const path = folder.file('x'.repeat(110));
    await using daemon = new TestDaemon({ topics }, { folder, socket: path });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toMatch(
      /^chimed: the socket path has more than 107 bytes: .*; choose a shorter socket.path$/,
    );
  });

  test('a group that does not exist', async () => {
    await using daemon = new TestDaemon({ topics, socket: { group: 'no-such-group' } }, {});
    expect(await daemon.program.ended).toBe(78);
    expect(daemon.program.output.stderr).toContain(
      'socket.group: there is no group no-such-group on this machine',
    );
    expect(existsSync(daemon.socket)).toBe(false);
  });

  test('a directory that we may not make', async () => {
    // Not even root may.
    await using daemon = new TestDaemon({ topics }, { socket: '/sys/chimed/s' });
    expect(await daemon.program.ended).toBe(77);
    expect(daemon.program.output.stderr).toMatch(/^chimed: the directory of the socket cannot be created: E/);
  });

  test('a directory that is a file', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('file'), '');
    const path = folder.file('file/s');
    await using daemon = new TestDaemon({ topics }, { folder, socket: path });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toMatch(/^chimed: the directory of the socket cannot be created: /);
  });
});

test('as many clients may wait to be accepted as socket.backlog says, and not the 511 of Node', async () => {
  await using daemon = await startDaemon({ socket: { backlog: 1000 }, topics: {} });
  await daemon.program.freeze();
  const clients = Array.from({ length: 800 }, () => connect(daemon.socket));
  await Promise.all(clients.map((client) => once(client, 'connect')));
  for (const client of clients) client.destroy();
  daemon.program.kill('SIGCONT');
});

test('a directory that nobody can make is refused at once', async () => {
  await using daemon = new TestDaemon({ topics: {} }, { socket: '/proc/none/s' });
  expect(await daemon.program.ended).toBe(1);
  expect(daemon.program.output.stderr).toContain('the directory of the socket cannot be created');
});
