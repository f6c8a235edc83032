import { messageOf } from '../../src/errors.ts';
import { SendRing } from '../../src/linux/send-ring.ts';
import type { SendAll } from '../../src/linux/socket-calls.ts';

/** Sends by a ring of this process's own; undefined where the kernel has none, or none for us. */
export const sendByRing = open();

function open(): SendAll | undefined {
  try {
    const ring = new SendRing();
    return (fds, bytes) => ring.send(fds, bytes);
  } catch (error) {
    process.stderr.write(`SKIPPED: tests of io_uring, which is not to be had here: ${messageOf(error)}\n`);
    return undefined;
  }
}
