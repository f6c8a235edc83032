import { equal, ok } from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Case } from '../case.ts';
import { FakeDaemon } from '../fake-daemon.ts';
import type { Stage } from '../stage.ts';
import { UID, asUser, noNamespaces } from '../other-root.ts';

const SOCKET = 'chimed.sock';

/** Directories in which a daemon of the user's can listen, in the order of rule 32, and those of the machine's. */
interface Places {
  xdg: string;
  user: string;
  temporary: string;
  machine: string;
  daemon: string;
}

/**
 * Starts the client, which sees these places and no others.
 * @param uid Its user.
 * @param env What it has in its environment.
 */
function start(stage: Stage, uid: number, env: NodeJS.ProcessEnv = {}): Places {
  const { path } = stage.folder;
  const run = join(path, 'run');
  const places = {
    xdg: join(path, 'xdg'),
    user: join(run, `user/${UID}`),
    temporary: join(path, `tmp/chimed-${UID}`),
    machine: join(run, 'chimed'),
    daemon: join(run, 'chimed/daemon'),
  };
  for (const place of [
    join(places.xdg, 'chimed'),
    join(places.user, 'chimed'),
    places.temporary,
    places.daemon,
  ])
    mkdirSync(place, { recursive: true });
  chmodSync(path, 0o755);
  for (const owned of [
    places.xdg,
    join(places.xdg, 'chimed'),
    places.user,
    join(places.user, 'chimed'),
    places.temporary,
  ])
    chownSync(owned, uid, uid);
  const { xdg } = places;
  stage.start({ XDG_RUNTIME_DIR: xdg, TMPDIR: join(path, 'tmp'), ...env }, (command) =>
    asUser(uid, run, command),
  );
  return places;
}

/** A daemon at a place. */
async function listen(stage: Stage, directory: string): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(join(directory, SOCKET), stage.transcript);
  await daemon.listen();
  chmodSync(daemon.path, 0o666);
  return daemon;
}

/** Tries the client with daemons at some places, the first of which must be the one that it finds. */
function finds(
  name: string,
  rules: readonly number[],
  listening: (places: Places) => readonly string[],
  {
    uid = UID,
    env = {},
    prepare = () => {},
  }: { uid?: number; env?: NodeJS.ProcessEnv; prepare?: (places: Places) => void } = {},
): Case {
  return {
    name,
    rules,
    impossible: noNamespaces,
    async run(stage) {
      const places = start(stage, uid, env);
      await using all = new AsyncDisposableStack();
      const daemons = [];
      for (const place of listening(places)) daemons.push(all.use(await listen(stage, place)));
      prepare(places);
      stage.connect();
      await stage.client.event('ready');
      const [right, ...wrong] = daemons;
      equal(right!.peers.items.length, 1);
      for (const { path, peers } of wrong) equal(peers.items.length, 0, `it connected to ${path}`);
    },
  };
}

export const finding: readonly Case[] = [
  {
    name: 'uses $CHIMED_SOCKET_PATH and nothing else',
    rules: [32],
    async run(stage) {
      const runtime = stage.folder.file('chimed');
      mkdirSync(runtime, { mode: 0o700 });
      const other = new FakeDaemon(join(runtime, SOCKET), stage.transcript);
      await other.listen();
      await using _ = other;
      stage.start({ CHIMED_SOCKET_PATH: stage.daemon.path, XDG_RUNTIME_DIR: stage.folder.path });
      stage.connect();
      await stage.client.events.take(3, ({ on }) => on === 'waiting');
      equal(other.peers.items.length, 0);
      ok(!existsSync(stage.daemon.path));
      await stage.daemon.listen();
      await stage.client.event('ready');
    },
  },
  finds('prefers the daemon in $XDG_RUNTIME_DIR', [32], ({ xdg, user, temporary, machine }) => [
    join(xdg, 'chimed'),
    join(user, 'chimed'),
    temporary,
    machine,
  ]),
  finds('then looks in /run/user/UID', [32], ({ user, temporary, machine }) => [
    join(user, 'chimed'),
    temporary,
    machine,
  ]),
  finds(
    'looks in /run/user/UID if $XDG_RUNTIME_DIR is not set',
    [32],
    ({ user, machine }) => [join(user, 'chimed'), machine],
    {
      env: { XDG_RUNTIME_DIR: undefined },
    },
  ),
  finds('then looks in the temporary directory', [32], ({ temporary, machine, daemon }) => [
    temporary,
    machine,
    daemon,
  ]),
  finds('then looks for the daemon of the machine', [32], ({ machine, daemon }) => [machine, daemon]),
  finds('looks last where a daemon without a socket unit listens', [32], ({ daemon }) => [daemon]),
  finds(
    'looks for the daemon of the machine only, if it runs as root',
    [33],
    ({ machine, xdg, user, temporary }) => [machine, join(xdg, 'chimed'), join(user, 'chimed'), temporary],
    { uid: 0 },
  ),
  finds(
    'skips a directory that belongs to another user',
    [34],
    ({ user, xdg }) => [join(user, 'chimed'), join(xdg, 'chimed')],
    {
      prepare: ({ xdg }) => chownSync(join(xdg, 'chimed'), UID + 1, UID + 1),
    },
  ),
  finds(
    'skips a directory that others can write to',
    [34],
    ({ machine, temporary }) => [machine, temporary],
    {
      prepare: ({ temporary }) => chmodSync(temporary, 0o777),
    },
  ),
  {
    name: 'waits at a socket on which too many connections wait, and does not look further',
    rules: [31, 32],
    impossible: noNamespaces,
    async run(stage) {
      const places = start(stage, UID);
      const { FullListener } = await import('../full-listener.ts');
      const path = join(places.xdg, 'chimed', SOCKET);
      await using full = await FullListener.listen(path);
      chmodSync(path, 0o666);
      await using machine = await listen(stage, places.machine);
      stage.connect();
      await Promise.race([
        stage.client.event('waiting'),
        new Promise((resolve) => setTimeout(resolve, 2000)),
      ]);
      equal(machine.peers.items.length, 0);
      await full[Symbol.asyncDispose]();
      await stage.client.event('ready');
    },
  },
];
