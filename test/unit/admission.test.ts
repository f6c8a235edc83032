import { describe, expect, test } from 'vitest';

import type { Config } from '../../src/config/config.ts';
import { Admission } from '../../src/daemon/subscribers/admission.ts';
import type { UserSession } from '../../src/daemon/subscribers/user.ts';
import { Users } from '../../src/daemon/subscribers/users.ts';
import { silent } from '../../src/log.ts';
import type { Rejection } from '../../src/protocol/messages.ts';

const MiB = 1024 ** 2;
const defaults = {
  max: 64,
  connectionsPerSecond: 1000,
  bytesPerSecond: MiB,
  memory: 4 * MiB,
  memoryPerUser: MiB,
};
const [alice, bob, carol] = [50_001, 50_002, 50_003];

/** An admission with a client for each connection that it lets in. */
function admitting(changes: Partial<Config['clients']> = {}) {
  const limits = { ...defaults, ...changes } as Config['clients'];
  const users = new Users(() => limits, silent);
  const admission = new Admission(users, () => limits, silent);
  const left: { uid: number; code: string }[] = [];

  function enter(uid: number): Rejection | undefined {
    const refusal = admission.enter({ pid: 1, uid, gid: uid, groups: [] });
    if (refusal) return refusal;
    const user = users.of(uid);
    const client: UserSession = {
      heldBytes: 0,
      pendingBytes: 0,
      recount() {},
      unparked() {},
      letGo({ code }) {
        left.push({ uid, code });
        user.clients.delete(client);
        admission.leave();
      },
    };
    user.clients.add(client);
    return undefined;
  }
  const enterTimes = (uid: number, times: number) => Array.from({ length: times }, () => enter(uid)?.code);
  return { users, admission, enter, enterTimes, left };
}

describe('places', () => {
  test('one user gets half of them', () => {
    const { enterTimes } = admitting();
    expect(enterTimes(alice, 33)).toEqual([
      ...Array.from({ length: 32 }, () => undefined),
      'too-many-connections',
    ]);
  });

  test('two users that fill all places shut out neither root nor a third user', () => {
    const { enter, enterTimes, left } = admitting();
    enterTimes(alice, 32);
    enterTimes(bob, 32);
    left.length = 0;
    expect(enter(0)).toBeUndefined();
    expect(left).toEqual([]); // Some places are kept for root.
    expect(enter(carol)).toBeUndefined();
    expect(left).toMatchObject([{ code: 'too-many-clients' }]);
  });

  test('root gives up no place for others, and gets one of theirs when all are taken', () => {
    const { enterTimes, left } = admitting();
    expect(enterTimes(0, 40).filter(Boolean)).toEqual([]);
    enterTimes(alice, 32);
    expect(left).toEqual([]);
    expect(enterTimes(0, 10).filter(Boolean)).toEqual([]);
    expect(left.every(({ uid }) => uid === alice)).toBe(true);
    expect(left.length).toBeGreaterThan(0);
  });

  test('a user that has as many as any other is refused when all are taken', () => {
    const { enterTimes, left } = admitting({ maxPerUser: 64 });
    const codes = enterTimes(alice, 64);
    expect(codes.filter((code) => code === undefined)).toHaveLength(60);
    expect(codes.at(-1)).toBe('too-many-clients');
    expect(left).toEqual([]);
  });

  test('connections that are refused count for the rate', () => {
    const { enterTimes } = admitting({ maxPerUser: 1, connectionsPerSecond: 1 });
    const codes = enterTimes(alice, 20);
    expect(codes.slice(0, 2)).toEqual([undefined, 'too-many-connections']);
    expect(codes.at(-1)).toBe('too-fast');
  });
});

describe('memory', () => {
  /** A client that holds memory until it is let go. */
  function hold(users: Users, uid: number, bytes: number, gone: string[], name: string): void {
    const user = users.of(uid);
    const client: UserSession & { heldBytes: number } = {
      heldBytes: bytes,
      pendingBytes: 0,
      recount() {},
      unparked() {},
      letGo({ code }) {
        gone.push(`${name}: ${code}`);
        client.heldBytes = 0;
        users.charge(user, -bytes);
      },
    };
    user.clients.add(client);
    users.charge(user, bytes);
  }

  test('of one user is bounded: the client that holds most is let go, and no other user is', () => {
    const { users } = admitting();
    const gone: string[] = [];
    hold(users, bob, 0.9 * MiB, gone, 'bob');
    hold(users, alice, 0.2 * MiB, gone, 'small');
    hold(users, alice, 0.7 * MiB, gone, 'large');
    hold(users, alice, 0.3 * MiB, gone, 'last');
    expect(gone).toEqual(['large: too-much-memory']);
  });

  test('of all users together is bounded: the user that holds most gives', () => {
    const { users } = admitting({ memory: 2 * MiB });
    const gone: string[] = [];
    hold(users, alice, 0.6 * MiB, gone, 'alice');
    hold(users, bob, 0.9 * MiB, gone, 'bob');
    hold(users, carol, 0.8 * MiB, gone, 'carol');
    expect(gone).toEqual(['bob: too-much-memory']);
  });
});

describe('on behalf of', () => {
  test('root, a gateway has neither the privileges nor the budget of root', () => {
    const { users, admission, enterTimes } = admitting({ connectionsPerSecond: 1 });
    const root = users.onBehalf(0);
    expect([users.of(0).isPrivileged, root.isPrivileged]).toEqual([true, false]);
    expect(users.onBehalf(0)).toBe(root);
    expect([...users].map(({ uid }) => uid)).toEqual([0, 0]);
    const gateway = users.of(carol);
    const codes = Array.from({ length: 20 }, () => admission.transfer(gateway, root)?.code);
    expect(codes.at(-1)).toBe('too-fast');
    expect(enterTimes(0, 1)).toEqual([undefined]);
  });

  test('others, a user has one budget, whichever way it comes', () => {
    const { users } = admitting();
    expect(users.onBehalf(alice)).toBe(users.of(alice));
    expect(users.onBehalf(undefined)).toBe(users.of(undefined));
  });

  test('others, a gateway gets half of the places, and each that it passes on is given back to it', () => {
    const { users, admission, enter } = admitting({ connectionsPerSecond: 3, max: 64 });
    const gateway = users.of(carol);
    const codes: (string | undefined)[] = [];
    for (let uid = 60_000; uid < 60_040; uid++) {
      expect(enter(carol)).toBeUndefined();
      gateway.clients.clear();
      codes.push(admission.transfer(gateway, users.onBehalf(uid))?.code);
    }
    expect(codes.filter((code) => code === undefined)).toHaveLength(32);
    expect(codes.at(-1)).toBe('too-many-clients');
    admission.leave(true);
    expect(admission.transfer(gateway, users.onBehalf(alice))).toBeUndefined();
  });

  test('a user that has all that it may have, it is refused', () => {
    const { users, admission, enterTimes } = admitting({ maxPerUser: 2 });
    enterTimes(alice, 2);
    expect(admission.transfer(users.of(carol), users.onBehalf(alice))?.code).toBe('too-many-connections');
  });
});

test('users without clients are forgotten once there are many, and those with clients are not', () => {
  const { users, enter } = admitting();
  enter(alice);
  const known = users.of(alice);
  for (let uid = 100_000; uid < 200_000; uid++) users.onBehalf(uid).connecting.take();
  expect([...users].length).toBeLessThan(2000);
  expect(users.of(alice)).toBe(known);
});
