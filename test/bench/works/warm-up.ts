import { setTimeout as wait } from 'node:timers/promises';

/** Lets compilers compile and garbage be collected, so that what follows is what goes on for ever. */
export const warmUp = (seconds = 2): Promise<void> => wait(seconds * 1000);
