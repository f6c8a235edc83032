import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { features as allFeatures } from '../conformance/clients/case.ts';
import type { Case } from '../conformance/clients/case.ts';
import { clientCases } from '../conformance/clients/cases/all.ts';
import { knownFailures } from '../conformance/verdicts.ts';
import { skipIfImpossible } from '../conformance/skipped.ts';
import { helloOf, runCase } from '../conformance/clients/run.ts';
import { root } from '../helpers/program.ts';
import { languages, ownAdapters, whyNotTried } from './languages.ts';

const cases = Object.values(clientCases).flat();

async function outcomeOf(command: string, tried: Case, skip: (why: string) => never): Promise<string> {
  skipIfImpossible(tried.name, tried.impossible?.(), skip);
  const { outcome, why: reason = '', transcript = '' } = await runCase(command, tried);
  return outcome === 'passed' ? outcome : `${outcome}: ${reason}\n${transcript}`;
}

describe.each(languages)('the client in $name', (language) => {
  describe.skipIf(whyNotTried(language))('', () => {
    describe.each(Object.entries(language.adapters))('(%s)', (_, command) => {
      test('has all features', async () => {
        expect((await helloOf(command)).features.toSorted()).toEqual(allFeatures.toSorted());
      });

      test.concurrent.for(cases)('$name', async (tried, { skip }) => {
        expect(await outcomeOf(command, tried, skip)).toBe('passed');
      });
    });
  });
});

describe('the client in node', () => {
  test.concurrent.for(cases)('$name', async (tried, { skip }) => {
    expect(await outcomeOf(ownAdapters.node, tried, skip)).toBe('passed');
  });
});

describe('a bare node-ipc client', () => {
  const known = knownFailures(join(root, 'test/conformance/known-failures/node-ipc.txt'));
  const able = cases.filter(({ name, needs = 'listen' }) => needs === 'listen' && !known.has(name));

  test('has a list of failures that names cases', () => {
    const names = cases.map(({ name }) => name);
    expect([...known].filter((name) => !names.includes(name))).toEqual([]);
  });

  test.concurrent.for(able)('$name', async (tried, { skip }) => {
    expect(await outcomeOf(ownAdapters['node-ipc'], tried, skip)).toBe('passed');
  });
});
