import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';

import { Turns } from '../../src/daemon/subscribers/turns.ts';
import type { Worker } from '../../src/daemon/subscribers/turns.ts';
import { BoundedLog } from '../../src/bounded-log.ts';
import { User } from '../../src/daemon/subscribers/user.ts';
import { silent } from '../../src/log.ts';

const limits = { connectionsPerSecond: 1, bytesPerSecond: 1 };
const user = (uid: number): User => new User(uid, () => limits, silent, BoundedLog.forAll());

/** A client with so many requests, each of which takes a while. */
class BusyWorker implements Worker {
  readonly user: User;
  readonly isBusy = false;
  readonly #done: string[];
  readonly #name: string;
  #left: number;

  constructor(name: string, whose: User, requests: number, done: string[]) {
    this.#name = name;
    this.user = whose;
    this.#left = requests;
    this.#done = done;
  }

  work(): boolean {
    const until = performance.now() + 0.5;
    while (performance.now() < until);
    this.#done.push(this.#name);
    return --this.#left > 0;
  }
}

test('a turn does only so much, however much there is to do, and the rest follows', async () => {
  const done: string[] = [];
  const turns = new Turns(() => {});
  turns.add(new BusyWorker('a', user(1), 50, done));
  expect(done.length).toBeGreaterThanOrEqual(1);
  expect(done.length).toBeLessThan(10);
  let most = 0;
  for (let before = done.length; done.length < 50; before = done.length) {
    await nextTurn();
    most = Math.max(most, done.length - before);
  }
  expect(most).toBeLessThan(10);
});

test('a user with many clients gets no more than a user with one', async () => {
  const done: string[] = [];
  const turns = new Turns(() => {});
  const many = user(1);
  for (let count = 0; count < 100; count++) turns.add(new BusyWorker('many', many, 100, done));
  turns.add(new BusyWorker('one', user(2), 20, done));
  await vi.waitUntil(() => done.filter((name) => name === 'one').length === 20, { interval: 1 });
  expect(done.length).toBeLessThan(60); // By then 10,000 wait.
});

test('clients of one user take turns, but what is begun is done first', () => {
  const done: string[] = [];
  const turns = new Turns(() => {});
  const whose = user(1);
  let [one, other] = [3, 3];
  const client = (work: () => boolean, isBusy = false): Worker => ({ user: whose, work, isBusy });
  // Added together, in a piece of work of a third.
  const addBoth = (isBusy = false): void =>
    turns.add(
      client(() => {
        turns.add(client(() => (done.push('one'), --one > 0), isBusy));
        turns.add(client(() => (done.push('other'), --other > 0)));
        return false;
      }),
    );
  addBoth();
  expect(done.splice(0)).toEqual(['one', 'other', 'one', 'other', 'one', 'other']);
  [one, other] = [3, 3];
  addBoth(true);
  expect(done).toEqual(['one', 'one', 'one', 'other', 'other', 'other']);
});

test('nothing is left to run when all is done', async () => {
  const flush = vi.fn();
  const turns = new Turns(flush);
  turns.add(new BusyWorker('a', user(1), 1, []));
  await nextTurn();
  await nextTurn();
  await nextTurn();
  const { calls } = flush.mock;
  const { length } = calls;
  await nextTurn();
  expect(calls).toHaveLength(length);
});

test('of one user only so much is read in one turn, and then its clients wait for the next', async () => {
  const turns = new Turns(() => {});
  const worked: string[] = [];
  const client = (name: string, whose: User): Worker => ({
    user: whose,
    isBusy: false,
    work: () => (worked.push(name), false),
  });
  const whose = user(1);
  const [one, two] = [client('one', whose), client('two', whose)];
  expect(turns.mayRead(one, 200_000)).toBe(true);
  expect(turns.mayRead(two, 100_000)).toBe(false);
  expect(turns.mayRead(client('other', user(2)), 100_000)).toBe(true);
  expect(worked).toEqual([]);
  await nextTurn();
  expect(worked).toEqual(['two']);
  expect(turns.mayRead(one, 200_000)).toBe(true);
});

test('a client that becomes another user goes on in the time of that user', async () => {
  const turns = new Turns(() => {});
  const [gateway, other] = [user(1), user(2)];
  const done: string[] = [];
  const worker = {
    user: gateway,
    isBusy: true,
    work: () => {
      worker.user = other;
      return done.push('changed') < 4;
    },
  };
  turns.add({
    user: gateway,
    isBusy: false,
    work: () => {
      turns.add(worker);
      turns.add({ user: gateway, isBusy: false, work: () => (done.push('next'), false) });
      return false;
    },
  });
  expect(done).toEqual(['changed', 'next']); // The gateway does not wait for it.
  await nextTurn();
  expect(done).toEqual(['changed', 'next', 'changed', 'changed']);
});
