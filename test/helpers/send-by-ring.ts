import { SendRing } from '../../src/linux/send-ring.ts';
import type { SendAll } from '../../src/linux/socket-calls.ts';

/** Sends by a ring of this process's own. Where the kernel has none, or none for us, tests of it fail and say so. */
let ring: SendRing | undefined;
export const sendByRing: SendAll = (fds, bytes) => (ring ??= new SendRing()).send(fds, bytes);
