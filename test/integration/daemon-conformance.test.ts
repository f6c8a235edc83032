import { afterAll, expect, test } from 'vitest';

import { demandOf } from '../conformance/daemons/daemon-case.ts';
import { daemonCases } from '../conformance/daemons/cases/all.ts';
import { DaemonPool } from '../conformance/daemons/daemon-pool.ts';
import { playDaemonCase } from '../conformance/daemons/daemon-run.ts';
import { ownDaemon } from '../conformance/daemons/own-daemon.ts';
import { skipIfImpossible } from '../conformance/skipped.ts';

const cases = Object.values(daemonCases).flat();
const pool = new DaemonPool(ownDaemon, cases);
const named = cases.map((each) => [`${each.name} (${demandOf(each)})`, each] as const);

afterAll(() => pool[Symbol.asyncDispose]());

test.concurrent.for(named)('the daemon %s', async ([, tried], { skip }) => {
  const why = tried.isHeavy ? 'it is heavy; npm run conformance:daemon tries it' : tried.impossible?.();
  skipIfImpossible(`the daemon ${tried.name}`, why, skip);
  await playDaemonCase(tried, pool);
});

test('the cases for daemons have names of their own, and each names what demands it', () => {
  const names = cases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(cases.filter(({ rules, table }) => rules.length === 0 && table === undefined)).toEqual([]);
});
