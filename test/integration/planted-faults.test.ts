import { join } from 'node:path';
import { expect, test } from 'vitest';

import { clientCases } from '../conformance/clients/cases/all.ts';
import { skipIfImpossible } from '../conformance/skipped.ts';
import { plantedFaults } from '../conformance/planted/faults.ts';
import { runCase } from '../conformance/clients/run.ts';

const folder = join(import.meta.dirname, '../conformance');
const cases = Object.values(clientCases).flat();

test.concurrent.for(Object.entries(plantedFaults))(
  'the conformance suite finds a client that %s',
  async ([fault, { found }], { skip }) => {
    const tried = cases.find(({ name }) => name === found)!;
    skipIfImpossible(fault, tried.impossible?.(), skip);
    const plant = `PLANTED_FAULT='${fault}' exec '${process.execPath}' --import '${folder}/planted/plant.ts' '${folder}/clients/adapters/node.ts'`;
    const { outcome, transcript = '' } = await runCase(plant, tried, 12);
    expect(outcome).toBe('failed');
    expect(transcript).not.toContain('does not have exactly one');
  },
);
