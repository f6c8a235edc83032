import { setTimeout as wait } from 'node:timers/promises';

import { conditions } from '../conditions.ts';

/** Waits before measuring, since the first ticks of every program cost more. Node gains most from a longer warm-up. */
export const warmUp = (): Promise<void> => wait(conditions.warmUpSeconds * 1000);
