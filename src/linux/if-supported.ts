import { messageOf } from '../errors.ts';
import type { EventLog, LogEvent } from '../log-events.ts';

/**
 * Loads a part that calls libc. Where koffi has no build for the machine, or the kernel lacks what the part
 * needs, it says once what is off, and chimed goes on without.
 */
export async function loadIfSupported<Part>(
  load: () => Promise<Part>,
  event: LogEvent,
  whatIsOff: string,
  logger: EventLog,
): Promise<Part | undefined> {
  try {
    return await load();
  } catch (error) {
    logger.warn({ event, error: messageOf(error) }, whatIsOff);
    return undefined;
  }
}

/** Uses a part that calls libc. Without the part, or where the system refuses the call, it does nothing. */
export async function useIfSupported<Part>(
  load: () => Promise<Part>,
  use: (part: Part) => void,
): Promise<void> {
  try {
    use(await load());
  } catch {
    // The caller works without it.
  }
}
