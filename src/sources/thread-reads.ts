import { Slots } from './slots.ts';

/** Reads in this process that can hang, also those that have taken too long. A device that fails can hold up so many of Node's threads. */
export const threadReads = new Slots(2);
