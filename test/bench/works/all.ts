import { oneTopic } from './a-one-topic.ts';
import { manyTopics } from './b-many-topics.ts';
import { asFastAsItGoes } from './c-flood.ts';
import { idleClients } from './d-idle-clients.ts';
import { drift } from './e-drift.ts';
import { nobody } from './f-nobody.ts';
import { start } from './g-start.ts';
import { tenPrograms } from './h-ten-programs.ts';
import { expensiveMetric } from './i-expensive-metric.ts';
import { hostReadings } from './j-host-readings.ts';
import type { Entrant } from '../entrant.ts';
import type { Work } from './work.ts';

export const works: readonly Work<Entrant>[] = [
  oneTopic,
  manyTopics,
  asFastAsItGoes,
  idleClients,
  drift,
  nobody,
  start,
  tenPrograms,
  expensiveMetric,
  hostReadings,
];
