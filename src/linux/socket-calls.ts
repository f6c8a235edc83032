import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { sendNow } from './libc.ts';
import { peerOf } from './peer.ts';
import { SendRing } from './send-ring.ts';

/** Sends `bytes[i]` to the socket `fds[i]` without waiting; tells how many bytes of each the kernel has taken. */
export type SendAll = (fds: readonly number[], bytes: readonly Buffer[]) => ArrayLike<number>;

/** What Linux does with connected sockets, and Node has no way to ask for. */
export interface SocketCalls {
  peerOf: typeof peerOf;
  sendAll: SendAll;
}

/** Looks what this kernel can do, and lets us do. */
export function openSocketCalls(logger: Logger): SocketCalls {
  try {
    return { peerOf, sendAll: byRing(new SendRing(), logger) };
  } catch (error) {
    // Containers often forbid it, and so do careful owners of a machine.
    logger.debug({ error: messageOf(error) }, 'no io_uring here: each send is a system call of its own');
    return { peerOf, sendAll: sendEach };
  }
}

/** With one system call for all; should that fail, with one for each from then on. */
function byRing(ring: SendRing, logger: Logger): SendAll {
  return (fds, bytes) => {
    if (ring.failure !== undefined) return sendEach(fds, bytes);
    const taken = ring.send(fds, bytes);
    if (ring.failure !== undefined)
      logger.warn(
        { error: messageOf(ring.failure) },
        'io_uring fails: each send is a system call of its own from now on',
      );
    return taken;
  };
}

/** With one system call for each. */
export const sendEach: SendAll = (fds, bytes) => fds.map((fd, index) => sendNow(fd, bytes[index]!));
