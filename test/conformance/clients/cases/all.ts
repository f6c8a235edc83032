import type { Case } from '../case.ts';
import { backoff } from './backoff.ts';
import { faults } from './faults.ts';
import { finding } from './finding.ts';
import { framing } from './framing.ts';
import { numbers } from './numbers.ts';
import { providing } from './providing.ts';
import { registering } from './registering.ts';
import { requests } from './requests.ts';
import { resuming } from './resuming.ts';
import { slowness } from './slowness.ts';
import { sources } from './sources.ts';

/** All cases for clients, by subject. */
export const clientCases: Readonly<Record<string, readonly Case[]>> = {
  framing,
  registering,
  numbers,
  resuming,
  sources,
  faults,
  'back-off': backoff,
  finding,
  requests,
  providing,
  slowness,
};
