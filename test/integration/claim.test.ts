import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';

import { TestDaemon, startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { contextSwitches } from '../helpers/proc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const topics = { tick: { interval: '20ms', data: 'tock' } };
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
    const line = await daemon.logged(/^the socket is gone: somebody has removed it/);
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
    await daemon.logged(/^the socket is gone: something else has its place/);
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
    expect(daemon.program.output.stderr).toMatch(/^chimed: the directory of the socket cannot be made: E/);
  });

  test('a directory that is a file', async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file('file'), '');
    const path = folder.file('file/s');
    await using daemon = new TestDaemon({ topics }, { folder, socket: path });
    expect(await daemon.program.ended).toBe(1);
    expect(daemon.program.output.stderr).toMatch(/^chimed: the directory of the socket cannot be made: /);
  });
});
