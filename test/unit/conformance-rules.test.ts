import { join } from 'node:path';
import { expect, test } from 'vitest';

import { clientCases } from '../conformance/clients/cases/all.ts';
import { daemonCases } from '../conformance/daemons/cases/all.ts';
import { knownFailures } from '../conformance/verdicts.ts';
import { plantedDaemonFaults } from '../conformance/planted/daemon-faults.ts';
import { plantedFaults } from '../conformance/planted/faults.ts';
import { documentAt } from '../helpers/documents.ts';
import { root } from '../helpers/program.ts';

const kinds = [clientCases, daemonCases].map((bySubject) => Object.values(bySubject).flat());
/** The numbered rules; lists of steps begin again at 1. */
const [normative] = documentAt('docs/wire.md').split('## A client, step by step') as [string];
const rules = [...normative.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));

test('rules are numbered without gaps, each once', () => {
  expect(rules.toSorted((one, other) => one - other)).toEqual(Array.from(rules, (_, index) => index + 1));
});

test('each rule has a conformance case, and each case names a rule that there is', () => {
  const tried = new Set(kinds.flat().flatMap((each) => each.rules));
  expect(rules.filter((rule) => !tried.has(rule))).toEqual([]);
  expect([...tried].filter((rule) => !rules.includes(rule))).toEqual([]);
});

test('conformance cases of one kind have names of their own', () => {
  for (const cases of kinds) {
    const names = cases.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  }
});

test('the table of results counts the cases that there are', () => {
  const known = knownFailures(join(root, 'test/conformance/known-failures/node-ipc.txt'));
  const rows = Object.entries(clientCases).map(([subject, cases]) => {
    const able = cases.filter(({ name, needs = 'listen' }) => needs === 'listen' && !known.has(name));
    return `| ${subject} | ${cases.length} | ${cases.length} | ${able.length} |`;
  });
  for (const row of rows) expect(documentAt('docs/conformance.md')).toContain(row);
});

test('planted faults of clients and of daemons have names of their own', () => {
  const inBoth = Object.keys(plantedFaults).filter((fault) => fault in plantedDaemonFaults);
  expect(inBoth).toEqual([]);
});
